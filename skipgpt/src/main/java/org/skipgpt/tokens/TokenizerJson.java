package org.skipgpt.tokens;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.skipgpt.data.DataException;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * A tokenizer.json that the native library can read: every part of a known kind, every field of its type, every id within
 * the vocabulary, every token that is named there.
 */
final class TokenizerJson {
    // ids may have gaps; a vocabulary is an array of this many places at most beyond its entries
    private static final int MOST_GAPS = 100_000;
    private static final int MOST_IDS = 1 << 24;
    private static final Set<String> MODELS = Set.of("BPE", "WordPiece", "WordLevel", "Unigram");

    private final Path file;
    private final JsonFields json;
    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final Map<String, Integer> added = new LinkedHashMap<>();
    private int places;

    private TokenizerJson(Path file, JsonObject object) {
        this.file = file;
        this.json = JsonFields.of(object, "File " + file, DataException::new);
        json.json("version");
        TokenizerParts.checkLengths(json);
        readModel(json.object("model"));
        json.objects("added_tokens").forEach(this::readAdded);
        new TokenizerParts(MOST_IDS).check(json);
        json.refuseOthers();
    }

    /**
     * Reads a file.
     *
     * @throws DataException naming the field that the native library could not take
     */
    static TokenizerJson read(Path file) {
        return new TokenizerJson(file, Json.object(file, DataException::new));
    }

    /** Checks an object made here, which stands for a file. */
    static TokenizerJson of(Path file, JsonObject object) {
        return new TokenizerJson(file, object);
    }

    private void readModel(JsonFields model) {
        // Files of older versions leave the type out where the fields tell it.
        String type = model.choice("type", model.has("merges") ? "BPE" : "WordLevel", MODELS);
        JsonElement vocab = model.json("vocab").orElseThrow(() -> model.fault("vocab", "the pieces and their ids"));
        if (type.equals("Unigram")) {
            readScores(model, vocab);
            int unknown = model.integer("unk_id", 0, 0, MOST_IDS);
            if (unknown >= places) {
                throw model.fault("unk_id", "absent or one of 0.." + (places - 1));
            }
            model.flag("byte_fallback", false);
        } else {
            readIds(model, vocab);
            readWords(model, type);
        }
        model.refuseOthers();
    }

    private void readIds(JsonFields model, JsonElement vocab) {
        JsonFields entries = model.object("vocab");
        int most = (int) Math.min(MOST_IDS, (long) entries.names().size() + MOST_GAPS);
        Set<Integer> seen = new HashSet<>();
        for (Map.Entry<String, JsonElement> entry : vocab.getAsJsonObject().entrySet()) {
            int id = entries.integer(entry.getKey(), 0, most);
            if (!TokenizerParts.isWhole(entry.getKey()) || !seen.add(id)) {
                throw entries.fault(entry.getKey(), "an id that no other piece has, for a piece of whole characters");
            }
            vocabulary.put(entry.getKey(), id);
        }
        places = vocabulary.size();
        if (places == 0) {
            throw model.fault("vocab", "one piece or more");
        }
    }

    private void readWords(JsonFields model, String type) {
        if (type.equals("BPE")) {
            readMerges(model);
            model.number("dropout", 0, TokenizerParts.share());
            model.textIfThere("end_of_word_suffix");
            model.flag("fuse_unk", false);
            model.flag("byte_fallback", false);
            model.flag("ignore_merges", false);
        } else if (type.equals("WordPiece")) {
            model.text("continuing_subword_prefix");
            model.integer("max_input_chars_per_word", 100, 0, 1 << 20);
        }
        String unknown = type.equals("BPE") ? model.text("unk_token", "") : model.text("unk_token");
        boolean named = type.equals("BPE") && !model.has("unk_token");
        if (!named && !vocabulary.containsKey(unknown)) {
            throw model.fault("unk_token", "a piece of the vocabulary");
        }
    }

    private void readScores(JsonFields model, JsonElement vocab) {
        if (!(vocab instanceof JsonArray pieces) || pieces.isEmpty()) {
            throw model.fault("vocab", "a list of [piece, score], one or more");
        }
        for (JsonElement entry : pieces) {
            boolean fits = entry instanceof JsonArray pair
                    && pair.size() == 2
                    && pair.get(0) instanceof JsonPrimitive piece
                    && piece.isString()
                    && TokenizerParts.isWhole(piece.getAsString())
                    && pair.get(1) instanceof JsonPrimitive score
                    && score.isNumber()
                    && Numbers.any().hold(score.getAsDouble());
            if (!fits) {
                throw model.fault("vocab", "a list of [piece, score]; entry " + places + " is " + entry);
            }
            String piece = entry.getAsJsonArray().get(0).getAsString();
            // ids go by place, and of two equal pieces the library finds the last
            vocabulary.put(piece, places++);
        }
    }

    private void readMerges(JsonFields model) {
        String prefix = model.text("continuing_subword_prefix", "");
        List<JsonElement> merges = model.elements("merges");
        for (int i = 0; i < merges.size(); i++) {
            String[] pair = pair(merges.get(i));
            boolean fits = pair.length == 2
                    && vocabulary.containsKey(pair[0])
                    && vocabulary.containsKey(pair[1])
                    && pair[1].startsWith(prefix)
                    && vocabulary.containsKey(pair[0] + pair[1].substring(prefix.length()));
            if (!fits) {
                throw model.fault(
                        "merges", "pairs of pieces whose sum is a piece; entry " + i + " is " + merges.get(i));
            }
        }
    }

    // "a b" in older files, ["a", "b"] in newer ones, whose pieces may hold spaces
    private static String[] pair(JsonElement merge) {
        if (merge instanceof JsonPrimitive text && text.isString()) {
            return text.getAsString().split(" ", -1);
        }
        boolean list = merge instanceof JsonArray array
                && array.size() == 2
                && array.asList().stream().allMatch(e -> e instanceof JsonPrimitive p && p.isString());
        return list
                ? new String[] {
                    merge.getAsJsonArray().get(0).getAsString(),
                    merge.getAsJsonArray().get(1).getAsString()
                }
                : new String[0];
    }

    private void readAdded(JsonFields token) {
        String content = token.text("content");
        int expected = nextId(content);
        int id = token.integer("id", 0, MOST_IDS);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
            token.flag(flag);
        }
        token.refuseOthers();
        if (content.isEmpty() || !TokenizerParts.isWhole(content)) {
            throw token.fault("content", "a text of one whole character or more");
        }
        // The library numbers added tokens itself, whatever the file says.
        if (id != expected) {
            throw token.fault("id", expected + ", the id that the library gives \"" + content + "\" at this place");
        }
        added.put(content, id);
    }

    /** The id that the library gives an added token: its piece's, or the next after all others. */
    int nextId(String content) {
        Integer known = vocabulary.containsKey(content) ? vocabulary.get(content) : added.get(content);
        if (known != null) {
            return known;
        }
        int next = places;
        for (int id : added.values()) {
            next = Math.max(next, id + 1);
        }
        return next;
    }

    /** Adds a token behind those that are there, or changes how one that is there is found in texts. */
    void add(JsonObject token, int id) {
        String content = token.get("content").getAsString();
        JsonArray all = json.json().has("added_tokens") && json.has("added_tokens")
                ? json.json().getAsJsonArray("added_tokens")
                : new JsonArray();
        token.addProperty("id", id);
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).getAsJsonObject().get("content").getAsString().equals(content)) {
                all.set(i, token);
                return;
            }
        }
        all.add(token);
        json.json().add("added_tokens", all);
        added.put(content, id);
    }

    /** Whether a token is among those that are found in texts before anything else. */
    boolean isAdded(String content) {
        return added.containsKey(content);
    }

    /** Every piece and added token with its id. */
    Map<String, Integer> ids() {
        Map<String, Integer> all = new HashMap<>(vocabulary);
        all.putAll(added);
        return all;
    }

    /** The same by id; ids that no token has are missing. */
    SortedMap<Integer, String> texts() {
        SortedMap<Integer, String> all = new TreeMap<>();
        ids().forEach((text, id) -> all.put(id, text));
        return all;
    }

    JsonObject json() {
        return json.json();
    }

    Path file() {
        return file;
    }
}
