package org.skipgpt.tokens;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.google.gson.JsonElement;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.skipgpt.data.DataException;

/**
 * The tokenizer of a {@code tokenizer.json}, run by Hugging Face's own engine.
 *
 * <p>The marks come from tokenizer_config.json, special_tokens_map.json or config.json beside it, else from what the
 * file's post-processor adds. Unlike the other tokenizers, the spelling of a special token inside a text becomes that
 * token, as it does in Hugging Face transformers. Holds native memory until {@link #close}.
 *
 * <pre>{@code
 * try (var tokens = HuggingFaceTokens.open(Path.of("tokenizer.json"))) {
 *     tokens.encode("Hello world");
 * }
 * }</pre>
 */
public final class HuggingFaceTokens implements Tokenizer, AutoCloseable {
    private static final List<String> END_MARKS =
            List.of("</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>");

    private final Path file;
    private final HuggingFaceTokenizer engine;
    private final @Nullable String[] pieces;
    private final OptionalInt bos;
    private final OptionalInt eos;
    private final Set<Integer> ends;
    private final boolean addsBos;
    private final boolean addsEos;
    private final boolean templateHolds;
    private final boolean spellsBytes;
    private final Supplier<Optional<ChatTemplate>> chat;
    private boolean closed;

    private HuggingFaceTokens(
            Path file,
            HuggingFaceTokenizer engine,
            TokenizerJson json,
            TokenMarks marks,
            Supplier<Optional<ChatTemplate>> chat) {
        this.file = file;
        this.chat = chat;
        this.engine = engine;
        Map<String, Integer> ids = json.ids();
        JsonElement decoder = json.json().get("decoder");
        spellsBytes = decoder != null && decoder.toString().contains("\"ByteLevel\"");
        pieces = new String
                [ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1];
        ids.forEach((piece, id) -> pieces[id] = piece);
        OptionalInt written = writtenBefore("a");
        bos = mark(marks.bosText(), ids, marks.bosId(), written);
        OptionalInt common =
                END_MARKS.stream().filter(ids::containsKey).mapToInt(ids::get).findFirst();
        eos = mark(marks.eosText(), ids, marks.eosId(), common);
        Set<Integer> all = new LinkedHashSet<>(marks.eosIds());
        eos.ifPresent(all::add);
        ends = Collections.unmodifiableSet(all);
        templateHolds = marks.addsBos().isEmpty() && marks.addsEos().isEmpty();
        addsBos = bos.isPresent() && marks.addsBos().orElse(written.equals(bos));
        addsEos = eos.isPresent() && marks.addsEos().orElse(endsWith("a", eos.getAsInt()));
    }

    /**
     * Opens a tokenizer.json, completed by the files beside it as transformers completes it.
     *
     * @throws DataException if the file is missing, damaged, has a part that is not known, or names a mark it has not
     */
    public static HuggingFaceTokens open(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        return open(TokenizerJson.read(file), folder == null ? file : folder);
    }

    /** Opens what may not lie in a file. */
    static HuggingFaceTokens open(TokenizerJson json, Path folder) {
        TokenizerSettings.beside(folder).complete(json);
        return open(json, TokenMarks.beside(folder), () -> ChatTemplate.in(folder));
    }

    /** Of a tokenizer that is complete, whatever lies beside it. */
    static HuggingFaceTokens open(TokenizerJson json, TokenMarks marks, Supplier<Optional<ChatTemplate>> chat) {
        // On a machine with a GPU the engine would look for a CUDA build of itself and download it.
        if (System.getenv("RUST_FLAVOR") == null && System.getProperty("RUST_FLAVOR") == null) {
            System.setProperty("RUST_FLAVOR", "cpu");
        }
        InputStream text = new ByteArrayInputStream(json.json().toString().getBytes(StandardCharsets.UTF_8));
        Map<String, String> options =
                Map.of("addSpecialTokens", "false", "truncation", "do_not_truncate", "padding", "false");
        try {
            HuggingFaceTokenizer engine = HuggingFaceTokenizer.newInstance(text, options);
            return new HuggingFaceTokens(json.file(), engine, json, marks, chat);
        } catch (DataException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // the library tells what it cannot read by plain RuntimeExceptions
            throw new DataException(json.file() + " cannot be opened as a tokenizer: " + e.getMessage(), e);
        }
    }

    // What the post-processor puts before a text; empty where it adds nothing there.
    private OptionalInt writtenBefore(String text) {
        int[] bare = toInts(engine.encode(text, false, false).getIds());
        int[] full = toInts(engine.encode(text, true, false).getIds());
        boolean leads = full.length > bare.length && bare.length > 0 && full[0] != bare[0];
        return leads ? OptionalInt.of(full[0]) : OptionalInt.empty();
    }

    private boolean endsWith(String text, int mark) {
        int[] bare = toInts(engine.encode(text, false, false).getIds());
        int[] full = toInts(engine.encode(text, true, false).getIds());
        return full.length > bare.length && full[full.length - 1] == mark && bare[bare.length - 1] != mark;
    }

    private OptionalInt mark(
            Optional<String> text, Map<String, Integer> ids, OptionalInt configured, OptionalInt otherwise) {
        if (text.isPresent()) {
            Integer id = ids.get(text.get());
            if (id == null) {
                throw new DataException("tokenizer_config.json beside " + file + " names the mark \"" + text.get()
                        + "\", which the vocabulary has not; the two files do not belong together");
            }
            return OptionalInt.of(id);
        }
        return configured.isPresent() ? configured : otherwise;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if the text has half of a character, which no UTF-8 text can have
     */
    @Override
    public int[] encode(String text) {
        if (!TokenizerParts.isWhole(text)) {
            throw new IllegalArgumentException("the text has a surrogate without its other half: expected whole"
                    + " characters; read the text as UTF-8");
        }
        return toInts(open().encode(text, false, false).getIds());
    }

    // Where no file says which marks are put, the tokenizer's own template does, whatever its marks are.
    @Override
    public int[] encodeWithMarks(String text) {
        return templateHolds && TokenizerParts.isWhole(text)
                ? toInts(open().encode(text, true, false).getIds())
                : Tokenizer.super.encodeWithMarks(text);
    }

    @Override
    public String decode(int[] ids) {
        long[] wide = Arrays.stream(ids)
                .filter(id -> Ids.isKnown(id, pieces.length))
                .mapToLong(id -> id)
                .toArray();
        return open().decode(wide, true);
    }

    /** The piece of one id; empty for an id that the vocabulary skips. */
    @Override
    public String piece(int id) {
        String piece = Ids.isKnown(id, pieces.length) ? pieces[id] : null;
        return piece == null ? "" : piece;
    }

    @Override
    public String readable(int id) {
        String piece = piece(id);
        return spellsBytes ? PieceText.of(ByteLetters.bytes(piece)) : PieceText.of(piece);
    }

    @Override
    public int vocabSize() {
        return pieces.length;
    }

    @Override
    public OptionalInt bos() {
        return bos;
    }

    @Override
    public OptionalInt eos() {
        return eos;
    }

    // read when it is asked for: most that is done with a model needs no template
    @Override
    public Optional<ChatTemplate> chat() {
        return chat.get();
    }

    @Override
    public Set<Integer> ends() {
        return ends;
    }

    @Override
    public boolean addsBos() {
        return addsBos;
    }

    @Override
    public boolean addsEos() {
        return addsEos;
    }

    /** Gives the native memory back; a second call does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            engine.close();
        }
    }

    private HuggingFaceTokenizer open() {
        if (closed) {
            throw new IllegalStateException("the tokenizer of " + file + " is closed; open it again");
        }
        return engine;
    }

    private static int[] toInts(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    @Override
    public String toString() {
        return "HuggingFaceTokens " + vocabSize() + " pieces, bos " + show(bos) + ", eos " + show(eos)
                + (addsBos ? ", adds bos" : ", adds no bos");
    }

    private static String show(OptionalInt id) {
        return id.isPresent() ? Integer.toString(id.getAsInt()) : "none";
    }
}
