package org.skipgpt.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

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
    private final boolean addsBos;
    private final boolean spellsBytes;
    private boolean closed;

    private HuggingFaceTokens(
            Path file, HuggingFaceTokenizer engine, JsonObject json, Map<String, Integer> ids, TokenMarks marks) {
        this.file = file;
        this.engine = engine;
        spellsBytes = json.has("decoder") && json.get("decoder").toString().contains("\"ByteLevel\"");
        pieces = new String
                [ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1];
        ids.forEach((piece, id) -> pieces[id] = piece);
        OptionalInt written = writtenBefore("a");
        bos = mark(marks.bosText(), ids, marks.bosId(), written);
        OptionalInt common =
                END_MARKS.stream().filter(ids::containsKey).mapToInt(ids::get).findFirst();
        eos = mark(marks.eosText(), ids, marks.eosId(), common);
        addsBos = bos.isPresent() && marks.addsBos().orElse(written.equals(bos));
    }

    /**
     * Opens a tokenizer.json.
     *
     * @throws DataException if the file is missing, damaged or names a mark it has not
     */
    public static HuggingFaceTokens open(Path file) {
        JsonObject json = Json.object(file);
        Map<String, Integer> ids = ids(file, json);
        // On a machine with a GPU the engine would look for a CUDA build of itself and download it.
        if (System.getenv("RUST_FLAVOR") == null && System.getProperty("RUST_FLAVOR") == null) {
            System.setProperty("RUST_FLAVOR", "cpu");
        }
        Path folder = file.toAbsolutePath().getParent();
        try {
            HuggingFaceTokenizer engine = HuggingFaceTokenizer.builder()
                    .optTokenizerPath(file)
                    .optAddSpecialTokens(false)
                    .optTruncation(false)
                    .optPadding(false)
                    .build();
            return new HuggingFaceTokens(file, engine, json, ids, TokenMarks.beside(folder == null ? file : folder));
        } catch (IOException | IllegalStateException e) {
            throw new DataException(file + " cannot be opened as a tokenizer: " + e.getMessage(), e);
        }
    }

    private static Map<String, Integer> ids(Path file, JsonObject json) {
        Map<String, Integer> ids = new HashMap<>();
        if (!(json.get("model") instanceof JsonObject model) || !model.has("vocab")) {
            throw new DataException(
                    file + " is no tokenizer: it has no model.vocab; fetch the tokenizer.json that belongs"
                            + " to the model");
        }
        try {
            JsonElement vocab = model.get("vocab");
            if (vocab.isJsonArray()) { // unigram: [[piece, score], ...], ids by place
                for (JsonElement entry : vocab.getAsJsonArray()) {
                    ids.put(entry.getAsJsonArray().get(0).getAsString(), ids.size());
                }
            } else {
                vocab.getAsJsonObject()
                        .entrySet()
                        .forEach(entry ->
                                ids.put(entry.getKey(), entry.getValue().getAsInt()));
            }
            Json.member(json, "added_tokens")
                    .ifPresent(added -> added.getAsJsonArray().forEach(token -> {
                        JsonObject one = token.getAsJsonObject();
                        ids.put(one.get("content").getAsString(), one.get("id").getAsInt());
                    }));
        } catch (RuntimeException e) {
            throw new DataException(
                    file + " has entries of the wrong kind in model.vocab or added_tokens; fetch it again", e);
        }
        return ids;
    }

    // What the post-processor puts before a text; empty where it adds nothing there.
    private OptionalInt writtenBefore(String text) {
        int[] bare = toInts(engine.encode(text, false, false).getIds());
        int[] full = toInts(engine.encode(text, true, false).getIds());
        boolean leads = full.length > bare.length && bare.length > 0 && full[0] != bare[0];
        return leads ? OptionalInt.of(full[0]) : OptionalInt.empty();
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

    @Override
    public int[] encode(String text) {
        return toInts(open().encode(text, false, false).getIds());
    }

    @Override
    public String decode(int[] ids) {
        long[] wide =
                Arrays.stream(ids).mapToLong(id -> Ids.check(id, pieces.length)).toArray();
        return open().decode(wide, true);
    }

    /** The piece of one id; empty for an id that the vocabulary skips. */
    @Override
    public String piece(int id) {
        String piece = pieces[Ids.check(id, pieces.length)];
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

    @Override
    public boolean addsBos() {
        return addsBos;
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
