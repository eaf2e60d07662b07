package org.skipgpt.tokens;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.data.DataException;
import org.skipgpt.tokens.SentencePieceModel.Kind;
import org.skipgpt.tokens.SentencePieceModel.Piece;

/**
 * The SentencePiece byte-pair tokenizer of Llama 2, TinyLlama, Mistral and llama2.c.
 *
 * <p>A space goes before the text, spaces are written ▁, the best-scoring pair is joined first, and a character that no
 * piece spells becomes its UTF-8 bytes. The spelling of a control token inside a text is ordinary text.
 *
 * <pre>{@code
 * var tokens = SentencePiece.open(Path.of("tokenizer.model"));
 * tokens.encode("Hello world");   // 15043, 3186
 * }</pre>
 */
public final class SentencePiece implements Tokenizer {
    private static final int CACHE_ENTRIES = 1 << 16;

    private final SentencePieceModel model;
    private final boolean addsBos;
    private final boolean addsEos;
    private final OptionalInt bos;
    private final OptionalInt eos;
    private final Set<Integer> ends;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<String, Integer> userDefined = new HashMap<>();
    private final int longestUserDefined;
    private final int[] ranks;
    private final int[] byteIds = new int[256];
    private final boolean hasUnused;
    private final boolean splitsAtSpaces;
    private final Map<String, int[]> cache = new ConcurrentHashMap<>();

    private SentencePiece(Path file, SentencePieceModel model, TokenMarks marks) {
        this.model = model;
        this.addsBos = marks.addsBos().orElse(true);
        this.addsEos = marks.addsEos().orElse(false);
        bos = mark(file, marks.bosText(), model.bos());
        eos = mark(file, marks.eosText(), model.eos());
        Set<Integer> all = new LinkedHashSet<>(marks.eosIds());
        eos.ifPresent(all::add);
        ends = Collections.unmodifiableSet(all);
        Arrays.fill(byteIds, -1);
        int longest = 0;
        boolean unused = false;
        boolean apart = true;
        for (int id = 0; id < model.pieces().size(); id++) {
            Piece piece = model.pieces().get(id);
            Kind kind = piece.kind();
            if (kind == Kind.BYTE) {
                byteIds[piece.byteCode()] = id;
            } else if (kind == Kind.USER_DEFINED) {
                userDefined.putIfAbsent(piece.text(), id);
                longest = Math.max(longest, piece.text().length());
            } else if (kind == Kind.NORMAL || kind == Kind.UNUSED) {
                ids.putIfAbsent(piece.text(), id);
                unused |= kind == Kind.UNUSED;
                apart &= piece.marksLeadOnly();
            }
        }
        longestUserDefined = longest;
        hasUnused = unused;
        splitsAtSpaces = apart;
        ranks = model.ranks();
    }

    private OptionalInt mark(Path file, Optional<String> named, int own) {
        if (named.isEmpty()) {
            return own < 0 ? OptionalInt.empty() : OptionalInt.of(own);
        }
        for (int id = 0; id < model.pieces().size(); id++) {
            if (model.pieces().get(id).text().equals(named.get())) {
                return OptionalInt.of(id);
            }
        }
        throw foreign(file, named.get());
    }

    private static DataException foreign(Path file, String token) {
        return new DataException("the files beside " + file + " name the token \"" + token
                + "\", which its vocabulary has not; tokens that were added later are read from tokenizer.json: make it"
                + " with transformers, AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
    }

    /**
     * Opens a SentencePiece {@code .model} whose folder's other files name its marks.
     *
     * @throws DataException if they name a token that the vocabulary has not
     */
    static SentencePiece beside(Path file, Path folder) {
        SentencePieceModel model = SentencePieceModel.read(file);
        Set<String> texts = model.pieces().stream().map(Piece::text).collect(Collectors.toSet());
        for (String token : TokenizerSettings.beside(folder).contents()) {
            if (!texts.contains(token)) {
                throw foreign(file, token);
            }
        }
        return new SentencePiece(file, model, TokenMarks.beside(folder));
    }

    /**
     * Opens a SentencePiece {@code .model} or a llama2.c {@code .bin}; the family is taken to begin texts with BOS.
     *
     * @throws DataException if the file is damaged or of another kind than BPE
     */
    public static SentencePiece open(Path file) {
        return open(file, true);
    }

    /** As above, saying whether texts begin with BOS ({@code add_bos_token} of a Hugging Face folder). */
    public static SentencePiece open(Path file, boolean addsBos) {
        return of(file, SentencePieceModel.read(file), TokenMarks.none(addsBos));
    }

    /** Of pieces that are already read; the file is for messages. */
    static SentencePiece of(Path file, SentencePieceModel model, TokenMarks marks) {
        return new SentencePiece(file, model, marks);
    }

    @Override
    public int[] encode(String text) {
        String prepared = prepare(text);
        IntStream.Builder out = IntStream.builder();
        int from = 0;
        int at = 0;
        while (at < prepared.length()) {
            int end = userDefined.isEmpty() ? at : userDefinedEnd(prepared, at);
            if (end > at) {
                encodePlain(prepared.substring(from, at), out);
                out.add(userDefined.getOrDefault(prepared.substring(at, end), model.unknown()));
                at = end;
                from = end;
            } else {
                at++;
            }
        }
        encodePlain(prepared.substring(from), out);
        return out.build().toArray();
    }

    private String prepare(String text) {
        String plain = model.trimsSpaces() ? trim(text) : text;
        if (plain.isEmpty()) {
            return "";
        }
        return (model.addsSpace() ? " " + plain : plain).replace(' ', SentencePieceModel.SPACE_MARK);
    }

    // Spaces only: line ends and tabs stay.
    private static String trim(String text) {
        String once = text.replaceAll(" +", " ");
        return once.replaceAll("^ +|[ \u2581]+\\z", "");
    }

    private int userDefinedEnd(String text, int at) {
        for (int end = Math.min(text.length(), at + longestUserDefined); end > at; end--) {
            if (userDefined.containsKey(text.substring(at, end))) {
                return end;
            }
        }
        return at;
    }

    private void encodePlain(String text, IntStream.Builder out) {
        if (!splitsAtSpaces) {
            addAll(encodeUnit(text), out);
            return;
        }
        int from = 0;
        for (int i = 1; i <= text.length(); i++) {
            boolean starts = i == text.length() || (isMark(text, i) && !isMark(text, i - 1));
            if (starts) {
                String word = text.substring(from, i);
                int[] known = cache.get(word);
                if (known == null) {
                    known = encodeUnit(word);
                    if (cache.size() < CACHE_ENTRIES && word.length() <= 32) {
                        cache.put(word, known);
                    }
                }
                addAll(known, out);
                from = i;
            }
        }
    }

    private static boolean isMark(String text, int at) {
        return text.charAt(at) == SentencePieceModel.SPACE_MARK;
    }

    private static void addAll(int[] tokens, IntStream.Builder out) {
        for (int token : tokens) {
            out.add(token);
        }
    }

    private int[] encodeUnit(String text) {
        int[] bounds = PairMerge.merge(text, codePointBounds(text), this::rank);
        IntStream.Builder out = IntStream.builder();
        for (int i = 0; i + 1 < bounds.length; i++) {
            String piece = text.substring(bounds[i], bounds[i + 1]);
            if (hasUnused) {
                split(piece, out);
            } else {
                emit(piece, out);
            }
        }
        return out.build().toArray();
    }

    private int rank(String text, int from, int middle, int to) {
        Integer id = ids.get(text.substring(from, to));
        return id == null ? PairMerge.NEVER : ranks[id];
    }

    // A piece kept only as a step towards longer ones is taken apart again the way it was joined.
    private void split(String piece, IntStream.Builder out) {
        Integer id = ids.get(piece);
        if (id == null || model.pieces().get(id).kind() != Kind.UNUSED || piece.codePointCount(0, piece.length()) < 2) {
            emit(piece, out);
            return;
        }
        int[] halves = PairMerge.merge(
                piece,
                codePointBounds(piece),
                (text, from, middle, to) ->
                        to - from == piece.length() ? PairMerge.NEVER : rank(text, from, middle, to));
        for (int i = 0; i + 1 < halves.length; i++) {
            split(piece.substring(halves[i], halves[i + 1]), out);
        }
    }

    private void emit(String piece, IntStream.Builder out) {
        Integer id = ids.get(piece);
        if (id != null) {
            out.add(id);
            return;
        }
        for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
            int byteId = byteIds[b & 0xFF];
            if (byteId < 0) {
                out.add(model.unknown());
                return;
            }
            out.add(byteId);
        }
    }

    private static int[] codePointBounds(String text) {
        int[] bounds = new int[text.codePointCount(0, text.length()) + 1];
        for (int i = 1; i < bounds.length; i++) {
            bounds[i] = text.offsetByCodePoints(bounds[i - 1], 1);
        }
        return bounds;
    }

    /** The text of some ids; control tokens are left out and the space put before the text is taken away again. */
    @Override
    public String decode(int[] ids) {
        ByteSink out = new ByteSink();
        boolean first = model.addsSpace() || model.trimsSpaces();
        for (int id : ids) {
            if (!Ids.isKnown(id, vocabSize()) || model.pieces().get(id).kind() == Kind.CONTROL) {
                continue;
            }
            Piece piece = model.pieces().get(id);
            if (piece.kind() == Kind.BYTE) {
                out.add((byte) piece.byteCode());
            } else if (piece.kind() == Kind.UNKNOWN) {
                out.add(" \u2047 ");
            } else {
                String text = piece.text().replace(SentencePieceModel.SPACE_MARK, ' ');
                out.add(first ? unpad(text) : text);
                first &= model.trimsSpaces() && text.isBlank();
                continue;
            }
            first = false;
        }
        return out.text();
    }

    private String unpad(String text) {
        return model.trimsSpaces() ? text.replaceAll("^ +", "") : text.startsWith(" ") ? text.substring(1) : text;
    }

    @Override
    public String piece(int id) {
        return Ids.isKnown(id, vocabSize()) ? model.pieces().get(id).text() : "";
    }

    @Override
    public int vocabSize() {
        return model.pieces().size();
    }

    @Override
    public OptionalInt bos() {
        return bos;
    }

    @Override
    public OptionalInt eos() {
        return eos;
    }

    @Override
    public Set<Integer> ends() {
        return ends;
    }

    @Override
    public boolean addsEos() {
        return addsEos && eos.isPresent();
    }

    @Override
    public boolean addsBos() {
        return addsBos && bos().isPresent();
    }

    @Override
    public String toString() {
        return "SentencePiece " + vocabSize() + " pieces, bos " + model.bos() + ", eos " + model.eos();
    }
}
