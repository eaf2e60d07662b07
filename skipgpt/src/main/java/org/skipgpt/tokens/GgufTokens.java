package org.skipgpt.tokens;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.skipgpt.data.DataException;
import org.skipgpt.tokens.SentencePieceModel.Kind;
import org.skipgpt.tokens.SentencePieceModel.Piece;

/**
 * The tokenizer that a GGUF file carries: byte-level BPE ({@code gpt2}, with the word splitting its {@code pre} names) or
 * SentencePiece BPE ({@code llama}).
 *
 * <pre>{@code
 * Tokenizer tokenizer = GgufTokens.of("model.gguf", file.values());
 * }</pre>
 */
public final class GgufTokens {
    private static final String PREFIX = TokenizerValues.PREFIX;
    /** Names of word splittings, one for each. */
    static final List<String> WORDS = List.of("gpt-2", "smollm", "llama-bpe", "qwen2");

    private final String file;
    private final Map<String, Object> values;

    private GgufTokens(String file, Map<String, Object> values) {
        this.file = file;
        this.values = values;
    }

    /**
     * Opens the tokenizer of a file.
     *
     * @param file what to call it in messages
     * @param values the file's named values
     * @throws DataException if there is none, or of a kind that is not read; the message names it
     */
    public static Tokenizer of(String file, Map<String, Object> values) {
        GgufTokens tokens = new GgufTokens(file, values);
        String model = String.valueOf(values.get(PREFIX + "model"));
        return switch (model) {
            case "gpt2" -> tokens.byteLevel();
            case "llama" -> tokens.sentencePiece();
            default ->
                throw new DataException(file + " has " + PREFIX + "model \"" + model
                        + "\"; known are gpt2 (byte-level BPE) and llama (SentencePiece BPE)");
        };
    }

    private Tokenizer sentencePiece() {
        List<String> texts = texts("tokens");
        List<?> scores = list("scores");
        List<?> kinds = list("token_type");
        if (scores.size() != texts.size() || kinds.size() != texts.size()) {
            throw new DataException(file + " has " + texts.size() + " tokens, " + scores.size() + " scores and "
                    + kinds.size() + " token types; expected as many of each");
        }
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            pieces.add(piece(i, texts.get(i), scores.get(i), kind(kinds.get(i), i)));
        }
        var model = new SentencePieceModel(
                List.copyOf(pieces),
                id("unknown", 0),
                id("bos", 1),
                id("eos", 2),
                flag("add_space_prefix", true),
                false);
        return SentencePiece.of(
                Path.of(file), model, marks(Optional.empty(), Optional.empty(), flag("add_bos_token", true)));
    }

    private Piece piece(int i, String text, Object score, Kind kind) {
        if (!(score instanceof Number number) || !Float.isFinite(number.floatValue())) {
            throw new DataException(file + " gives token " + i + " the score " + score + "; expected a finite number");
        }
        try {
            return new Piece(text, number.floatValue(), kind);
        } catch (IllegalArgumentException e) {
            throw new DataException(file + " has as token " + i + " a " + e.getMessage() + "; convert it again", e);
        }
    }

    private Kind kind(Object number, int i) {
        List<Kind> all = List.of(Kind.values()); // in the order of the file's numbers 1..6
        if (number instanceof Long n && n >= 1 && n <= all.size()) {
            return all.get(n.intValue() - 1);
        }
        throw new DataException(file + " gives token " + i + " the type " + number + "; expected 1 to 6");
    }

    // The same tokenizer as a tokenizer.json, so that special tokens inside a text are found as transformers finds
    // them.
    private Tokenizer byteLevel() {
        List<String> texts = texts("tokens");
        List<?> kinds = list("token_type");
        JsonObject json = new JsonObject();
        json.addProperty("version", "1.0");
        JsonArray added = new JsonArray();
        JsonObject vocabulary = new JsonObject();
        for (int i = 0; i < texts.size(); i++) {
            Kind kind = kind(i < kinds.size() ? kinds.get(i) : 1L, i);
            vocabulary.addProperty(texts.get(i), i);
            if (kind == Kind.CONTROL || kind == Kind.USER_DEFINED) {
                added.add(added(i, texts.get(i), kind == Kind.CONTROL));
            }
        }
        if (vocabulary.size() != texts.size()) {
            throw new DataException(file + " lists a token twice: " + texts.size() + " tokens, " + vocabulary.size()
                    + " different ones");
        }
        json.add("added_tokens", added);
        json.add(
                "normalizer", pre().equals("qwen2") ? JsonParser.parseString("{\"type\":\"NFC\"}") : JsonNull.INSTANCE);
        json.add("pre_tokenizer", words());
        json.add("decoder", WordSplits.byteLevel(true));
        boolean marked = flag("add_bos_token", isLlama3());
        if (marked) {
            json.add("post_processor", beginningMark(texts.get(id("bos", -1)), id("bos", -1)));
        }
        JsonObject model = new JsonObject();
        model.addProperty("type", "BPE");
        model.add("vocab", vocabulary);
        JsonArray merges = new JsonArray();
        texts("merges").forEach(merges::add);
        model.add("merges", merges);
        model.addProperty("ignore_merges", isLlama3());
        json.add("model", model);
        TokenMarks marks = marks(named("bos", texts), named("eos", texts), marked);
        return HuggingFaceTokens.open(TokenizerJson.of(Path.of(file), json), marks, () -> chat(texts));
    }

    // An end of turn and of message end a text too, as llama.cpp has it.
    private TokenMarks marks(Optional<String> bos, Optional<String> eos, boolean marked) {
        List<Integer> ends = Stream.of("eos", "eot", "eom")
                .map(mark -> id(mark, -1))
                .filter(id -> id >= 0)
                .toList();
        return new TokenMarks(
                bos, eos, List.of(), ends, Optional.of(marked), Optional.of(flag("add_eos_token", false)));
    }

    private Optional<ChatTemplate> chat(List<String> texts) {
        if (!(values.get(TokenizerValues.CHAT) instanceof String source)) {
            return Optional.empty();
        }
        Map<String, String> marks = new LinkedHashMap<>();
        Map.of("bos", "bos_token", "eos", "eos_token", "unknown", "unk_token", "padding", "pad_token")
                .forEach((mark, name) -> named(mark, texts).ifPresent(text -> marks.put(name, text)));
        return Optional.of(new ChatTemplate(file, source, marks, Clock.system(ZoneId.systemDefault())));
    }

    private Optional<String> named(String mark, List<String> texts) {
        int id = id(mark, -1);
        return id < 0 ? Optional.empty() : Optional.of(texts.get(id));
    }

    private static JsonObject added(int id, String text, boolean special) {
        JsonObject one = new JsonObject();
        one.addProperty("id", id);
        one.addProperty("content", text);
        one.addProperty("single_word", false);
        one.addProperty("lstrip", false);
        one.addProperty("rstrip", false);
        one.addProperty("normalized", false);
        one.addProperty("special", special);
        return one;
    }

    private String pre() {
        return String.valueOf(values.getOrDefault(PREFIX + "pre", "gpt-2"));
    }

    private boolean isLlama3() {
        return pre().equals("llama-bpe") || pre().equals("llama3");
    }

    private JsonObject words() {
        return words(pre())
                .orElseThrow(() -> new DataException(file + " has " + PREFIX + "pre \"" + pre() + "\"; known are "
                        + String.join(", ", WORDS) + ". Load the model from its Hugging Face folder"));
    }

    /** The word splitting that a name stands for, in the form of a tokenizer.json. */
    static Optional<JsonObject> words(String pre) {
        return switch (pre) {
            case "gpt-2", "default" -> Optional.of(WordSplits.byteLevel(true));
            case "smollm" -> Optional.of(WordSplits.singleDigits());
            case "llama-bpe", "llama3" -> Optional.of(WordSplits.pattern(WordSplits.LLAMA3));
            case "qwen2" -> Optional.of(WordSplits.pattern(WordSplits.QWEN2));
            default -> Optional.empty();
        };
    }

    private static JsonObject beginningMark(String text, int id) {
        String template = """
                {"type": "TemplateProcessing",
                 "single": [{"SpecialToken": {"id": %1$s, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                 "pair": [{"SpecialToken": {"id": %1$s, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                          {"SpecialToken": {"id": %1$s, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
                 "special_tokens": {%1$s: {"id": %1$s, "ids": [%2$d], "tokens": [%1$s]}}}
                """;
        String quoted = new JsonPrimitive(text).toString();
        return JsonParser.parseString(template.formatted(quoted, id)).getAsJsonObject();
    }

    private int id(String mark, int otherwise) {
        Object value = values.get(PREFIX + mark + "_token_id");
        if (value == null) {
            return otherwise;
        }
        int size = list("tokens").size();
        if (value instanceof Long n && n >= 0 && n < size) {
            return n.intValue();
        }
        throw new DataException(
                file + " has " + PREFIX + mark + "_token_id " + value + "; expected an id in 0.." + (size - 1));
    }

    private boolean flag(String name, boolean otherwise) {
        Object value = values.getOrDefault(PREFIX + name, otherwise);
        if (value instanceof Boolean b) {
            return b;
        }
        throw new DataException(file + " has " + PREFIX + name + " " + value + "; expected true or false");
    }

    private List<?> list(String name) {
        return values.get(PREFIX + name) instanceof List<?> list ? list : List.of();
    }

    private List<String> texts(String name) {
        List<?> list = list(name);
        if (list.isEmpty() || !list.stream().allMatch(String.class::isInstance)) {
            throw new DataException(file + " has no list of texts " + PREFIX + name + "; it carries no whole tokenizer."
                    + " Load the model from its Hugging Face folder");
        }
        return list.stream().map(String.class::cast).toList();
    }
}
