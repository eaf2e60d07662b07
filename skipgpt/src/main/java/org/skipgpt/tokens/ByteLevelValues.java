package org.skipgpt.tokens;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.skipgpt.data.DataException;
import org.skipgpt.tokens.SentencePieceModel.Kind;

/** A tokenizer.json of byte-level BPE as the values of a GGUF file; what they cannot say is refused by name. */
final class ByteLevelValues {
    private static final JsonElement NFC = JsonParser.parseString("{\"type\":\"NFC\"}");

    private final TokenizerJson json;

    ByteLevelValues(TokenizerJson json) {
        this.json = json;
    }

    Map<String, Object> values() {
        JsonObject model = json.json().getAsJsonObject("model");
        String pre = pre();
        refuse(model, "dropout", "null");
        for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            refuse(model, affix, "null", "\"\"");
        }
        refuse(model, "byte_fallback", "null", "false");
        boolean ignores = String.valueOf(model.get("ignore_merges")).equals("true");
        if (ignores != pre.equals("llama-bpe")) {
            throw fault("ignore_merges " + ignores + " with the words of " + pre, "true with those of llama-bpe only");
        }
        SortedMap<Integer, String> known = json.texts();
        String[] texts = new String[known.isEmpty() ? 0 : known.lastKey() + 1];
        Kind[] kinds = new Kind[texts.length];
        for (int id = 0; id < texts.length; id++) {
            texts[id] = known.getOrDefault(id, TokenizerValues.unused(id));
            kinds[id] = known.containsKey(id) ? Kind.NORMAL : Kind.UNUSED;
        }
        added(kinds, pre);
        Map<String, Object> values = new LinkedHashMap<>();
        values.put(TokenizerValues.PREFIX + "model", "gpt2");
        values.put(TokenizerValues.PREFIX + "pre", pre);
        values.put(TokenizerValues.PREFIX + "tokens", List.of(texts));
        List<Long> numbers = new ArrayList<>();
        for (Kind kind : kinds) {
            numbers.add(TokenizerValues.number(kind));
        }
        values.put(TokenizerValues.PREFIX + "token_type", numbers);
        values.put(TokenizerValues.PREFIX + "merges", merges(model.getAsJsonArray("merges")));
        return values;
    }

    // Word splitting has a name in GGUF, not a form.
    private String pre() {
        JsonElement words = json.json().get("pre_tokenizer");
        JsonElement normalizer = json.json().has("normalizer") ? json.json().get("normalizer") : JsonNull.INSTANCE;
        for (String pre : GgufTokens.WORDS) {
            boolean normalized = normalizer.equals(pre.equals("qwen2") ? NFC : JsonNull.INSTANCE);
            if (plain(words).equals(plain(GgufTokens.words(pre).orElseThrow())) && normalized) {
                return pre;
            }
        }
        throw fault(
                "the pre_tokenizer " + words + " and the normalizer " + normalizer,
                "those that GGUF calls " + GgufTokens.WORDS);
    }

    // Fields that say nothing about ids: where a piece lies in the text.
    private static JsonElement plain(JsonElement part) {
        JsonElement copy = part.deepCopy();
        if (copy instanceof JsonObject object) {
            object.remove("trim_offsets");
            object.entrySet().forEach(entry -> entry.setValue(plain(entry.getValue())));
        } else if (copy instanceof JsonArray array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, plain(array.get(i)));
            }
        }
        return copy;
    }

    private void added(Kind[] kinds, String pre) {
        JsonElement all = json.json().get("added_tokens");
        for (JsonElement each : all instanceof JsonArray list ? list : new JsonArray()) {
            JsonObject token = each.getAsJsonObject();
            for (String flag : List.of("single_word", "lstrip", "rstrip")) {
                refuse(token, flag, "null", "false");
            }
            if (pre.equals("qwen2")) {
                refuse(token, "normalized", "null", "false");
            }
            kinds[token.get("id").getAsInt()] = token.get("special").getAsBoolean() ? Kind.CONTROL : Kind.USER_DEFINED;
        }
    }

    private List<String> merges(JsonArray merges) {
        List<String> lines = new ArrayList<>();
        for (JsonElement merge : merges) {
            if (merge instanceof JsonArray pair) {
                String first = pair.get(0).getAsString();
                String second = pair.get(1).getAsString();
                if (first.contains(" ") || second.contains(" ")) {
                    throw fault("the merge " + merge, "pieces without spaces, which byte-level BPE spells Ġ");
                }
                lines.add(first + " " + second);
            } else {
                lines.add(merge.getAsString());
            }
        }
        return lines;
    }

    private void refuse(JsonObject object, String name, String... allowed) {
        String value = object.has(name) ? String.valueOf(object.get(name)) : "null";
        if (!List.of(allowed).contains(value)) {
            throw fault(
                    name + " " + value + (object.has("content") ? " of the token " + object.get("content") : ""),
                    String.join(" or ", allowed));
        }
    }

    private DataException fault(String found, String expected) {
        return new DataException("GGUF cannot say what " + json.file() + " has: " + found + "; expected " + expected
                + ". Export the model as a folder instead");
    }
}
