package org.skipgpt.tokens;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.data.DataException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.tokens.SentencePieceModel.Kind;
import org.skipgpt.tokens.SentencePieceModel.Piece;

/**
 * A model's tokenizer as the named values of a GGUF file, from which {@link GgufTokens} and llama.cpp make the same ids.
 *
 * <pre>{@code
 * Map<String, Object> values = TokenizerValues.of(Path.of("llama"), model.tokenizer(), model.config().vocabulary());
 * }</pre>
 */
public final class TokenizerValues {
    static final String PREFIX = "tokenizer.ggml.";
    static final String CHAT = "tokenizer.chat_template";
    /** Score below every learned one, so that nothing is joined to the piece; llama.cpp's converter gives the same. */
    static final float LAST = -1000;

    private static final int MOST_ENDS = 3;

    private TokenizerValues() {}

    /**
     * The values.
     *
     * @param where the folder, or file, that the tokenizer was read from: a tokenizer.json of byte-level BPE,
     *     a tokenizer.model of SentencePiece, vocab.json with merges.txt, a llama2.c tokenizer .bin, or a GGUF file
     * @param tokenizer the model's, which names the marks
     * @param vocabulary rows of the model's embedding; where there are more than tokens, unused ones fill the list up
     * @throws DataException if it cannot be said in GGUF, is not the model's, or has more tokens than there are rows
     */
    public static Map<String, Object> of(Path where, Tokenizer tokenizer, int vocabulary) {
        Map<String, Object> values = new LinkedHashMap<>();
        Optional<Path> gguf = gguf(where);
        if (gguf.isPresent()) {
            try (GgufFile file = GgufFile.open(gguf.get())) {
                file.values().forEach((name, value) -> {
                    if (name.startsWith("tokenizer.")) {
                        values.put(name, value);
                    }
                });
            }
        } else {
            Optional<TokenizerJson> json = json(where);
            if (json.isPresent() && isByteLevel(json.get())) {
                values.putAll(new ByteLevelValues(json.get()).values());
            } else {
                sentencePiece(where, json, values);
            }
            marks(where, tokenizer, values);
        }
        fill(where, values, vocabulary);
        compare(where, tokenizer, values);
        return values;
    }

    private static Optional<Path> gguf(Path where) {
        if (Files.isDirectory(where)) {
            return GgufFile.onlyIn(where);
        }
        return where.toString().toLowerCase(Locale.ROOT).endsWith(".gguf") ? Optional.of(where) : Optional.empty();
    }

    private static Path folder(Path where) {
        Path parent = where.toAbsolutePath().getParent();
        return Files.isDirectory(where) || parent == null ? where : parent;
    }

    private static Optional<TokenizerJson> json(Path where) {
        Path folder = folder(where);
        boolean given = Files.isRegularFile(where) && where.toString().endsWith("tokenizer.json");
        if (given || (Files.isDirectory(where) && Files.isRegularFile(folder.resolve("tokenizer.json")))) {
            TokenizerJson json = TokenizerJson.read(folder.resolve("tokenizer.json"));
            TokenizerSettings.beside(folder).complete(json);
            return Optional.of(json);
        }
        boolean single = Files.isRegularFile(where) || Files.isRegularFile(folder.resolve("tokenizer.model"));
        if (single || !Files.isRegularFile(folder.resolve("vocab.json"))) {
            return Optional.empty();
        }
        String type = TokenizerSettings.beside(folder).className();
        TokenizerJson pair = VocabularyAndMerges.read(
                folder.resolve("vocab.json"), folder.resolve("merges.txt"), type.isEmpty() ? "GPT2Tokenizer" : type);
        TokenizerSettings.beside(folder).complete(pair);
        return Optional.of(pair);
    }

    private static boolean isByteLevel(TokenizerJson json) {
        return String.valueOf(json.json().get("pre_tokenizer")).contains("\"ByteLevel\"");
    }

    private static void sentencePiece(Path where, Optional<TokenizerJson> json, Map<String, Object> values) {
        Path folder = folder(where);
        Path file = Files.isRegularFile(where) && json.isEmpty() ? where : folder.resolve("tokenizer.model");
        if (!Files.isRegularFile(file) && json.isEmpty()) {
            file = Tokenizers.single(folder).orElse(file);
        }
        if (!Files.isRegularFile(file) || Tokenizers.isTiktoken(file)) {
            throw new DataException("the tokenizer in " + where + " has no form in GGUF: expected byte-level BPE in a"
                    + " tokenizer.json, or SentencePiece BPE in a tokenizer.model; make or copy that file beside the"
                    + " model");
        }
        SentencePieceModel model = SentencePieceModel.read(file);
        if (model.trimsSpaces()) {
            throw new DataException(file + " makes one space of several, for which GGUF has no value: expected a"
                    + " SentencePiece model that keeps spaces");
        }
        List<Piece> pieces = new ArrayList<>(model.pieces());
        json.ifPresent(added -> new AddedPieces(added.file(), added).addTo(pieces));
        values.put(PREFIX + "model", "llama");
        values.put(PREFIX + "pre", "default");
        values.put(PREFIX + "tokens", pieces.stream().map(Piece::text).toList());
        values.put(
                PREFIX + "scores",
                pieces.stream().map(piece -> (double) piece.score()).toList());
        values.put(
                PREFIX + "token_type",
                pieces.stream().map(piece -> number(piece.kind())).toList());
        values.put(PREFIX + "unknown_token_id", (long) model.unknown());
        values.put(PREFIX + "add_space_prefix", model.addsSpace());
    }

    /** Text of an id that no token has. */
    static String unused(int id) {
        return "[PAD" + id + "]";
    }

    /** The file's number of a kind: 1..6. */
    static long number(Kind kind) {
        return List.of(Kind.values()).indexOf(kind) + 1L;
    }

    // The end mark first; llama.cpp has room for an end of turn and an end of message beside it.
    private static void marks(Path where, Tokenizer tokenizer, Map<String, Object> values) {
        tokenizer.bos().ifPresent(id -> values.put(PREFIX + "bos_token_id", (long) id));
        tokenizer.eos().ifPresent(id -> values.put(PREFIX + "eos_token_id", (long) id));
        List<Integer> others = tokenizer.ends().stream()
                .filter(id -> tokenizer.eos().stream().noneMatch(eos -> eos == id))
                .sorted()
                .toList();
        if (others.size() >= MOST_ENDS) {
            throw new DataException("texts of " + where + " end at " + tokenizer.ends() + "; GGUF has room for "
                    + MOST_ENDS + " ends: leave eos_token_id of generation_config.json as many");
        }
        for (int id : others) {
            boolean message = tokenizer.piece(id).contains("eom") || values.containsKey(PREFIX + "eot_token_id");
            values.put(PREFIX + (message ? "eom" : "eot") + "_token_id", (long) id);
        }
        values.put(PREFIX + "add_bos_token", tokenizer.addsBos());
        values.put(PREFIX + "add_eos_token", tokenizer.addsEos());
        ChatTemplate.in(folder(where)).ifPresent(chat -> values.put(CHAT, chat.source()));
    }

    private static void fill(Path where, Map<String, Object> values, int vocabulary) {
        List<Object> tokens = list(values, "tokens");
        List<Object> kinds = list(values, "token_type");
        if (tokens.isEmpty() || tokens.size() > vocabulary) {
            throw new DataException("the tokenizer in " + where + " has " + tokens.size() + " tokens and the model's"
                    + " embedding " + vocabulary + " rows: expected one token or more and at most as many as rows; give"
                    + " the model's own folder");
        }
        boolean scored = values.containsKey(PREFIX + "scores");
        List<Object> scores = list(values, "scores");
        for (int id = tokens.size(); id < vocabulary; id++) {
            tokens.add(unused(id));
            kinds.add(number(Kind.UNUSED));
            scores.add((double) LAST);
        }
        values.put(PREFIX + "tokens", List.copyOf(tokens));
        if (!kinds.isEmpty()) {
            values.put(PREFIX + "token_type", List.copyOf(kinds));
        }
        if (scored) {
            values.put(PREFIX + "scores", List.copyOf(scores));
        }
    }

    private static List<Object> list(Map<String, Object> values, String name) {
        return values.get(PREFIX + name) instanceof List<?> list ? new ArrayList<>(list) : new ArrayList<>();
    }

    // Another model's tokenizer would be written with no word of it.
    private static void compare(Path where, Tokenizer tokenizer, Map<String, Object> values) {
        List<Object> tokens = list(values, "tokens");
        for (int id = 0; id < Math.min(tokenizer.vocabSize(), tokens.size()); id++) {
            String own = tokenizer.piece(id);
            if (!own.isEmpty() && !own.equals(tokens.get(id))) {
                throw new DataException("the tokenizer in " + where + " is not the model's: token " + id + " is \""
                        + tokens.get(id) + "\" there and \"" + own + "\" in the model; give the folder it was loaded"
                        + " from");
            }
        }
        if (tokenizer.vocabSize() > tokens.size()) {
            throw new DataException("the model's tokenizer has " + tokenizer.vocabSize() + " tokens, that in " + where
                    + " " + tokens.size() + "; give the folder it was loaded from");
        }
    }
}
