package org.skipgpt.tokens;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.skipgpt.data.DataException;
import org.skipgpt.io.JsonFields;

/**
 * What {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code added_tokens.json} beside a
 * tokenizer.json add to it, as transformers does when it loads the folder: tokens, and a space before texts.
 */
final class TokenizerSettings {
    private static final List<String> MARKS =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final List<String> FLAGS = List.of("single_word", "lstrip", "rstrip", "normalized", "special");
    private static final int MOST_IDS = 1 << 24;

    private final Optional<JsonFields> config;
    private final Optional<JsonFields> map;
    private final Optional<JsonFields> numbered;

    private TokenizerSettings(Path folder) {
        config = fields(folder.resolve("tokenizer_config.json"));
        map = fields(folder.resolve("special_tokens_map.json"));
        numbered = fields(folder.resolve("added_tokens.json"));
    }

    static TokenizerSettings beside(Path folder) {
        return new TokenizerSettings(folder);
    }

    private static Optional<JsonFields> fields(Path file) {
        return Files.isRegularFile(file) ? Optional.of(JsonFields.of(file, DataException::new)) : Optional.empty();
    }

    /** The name of the class in transformers; empty where it is not told. */
    String className() {
        return config.flatMap(fields -> fields.textIfThere("tokenizer_class"))
                .orElse("")
                .replaceAll("Fast$", "");
    }

    /** Completes a tokenizer.json. */
    void complete(TokenizerJson tokenizer) {
        numberedTokens().forEach((id, token) -> {
            int own = tokenizer.nextId(token.get("content").getAsString());
            if (own != id) {
                throw new DataException("the token \"" + token.get("content").getAsString() + "\" has id " + id
                        + " in the files beside " + tokenizer.file() + " and would get " + own
                        + ": the files do not belong together; save the tokenizer again with transformers");
            }
            tokenizer.add(token, own);
        });
        // A beginning or end that the vocabulary has not would be an id that the model has not learned.
        List<String> ends = List.of("bos_token", "eos_token");
        List<String> needed = ends.stream().flatMap(mark -> mark(mark).stream()).toList();
        for (JsonObject token : namedTokens()) {
            String content = token.get("content").getAsString();
            boolean isNew = !tokenizer.ids().containsKey(content);
            if (!content.isEmpty() && !tokenizer.isAdded(content) && !(isNew && needed.contains(content))) {
                tokenizer.add(token, tokenizer.nextId(content));
            }
        }
        JsonObject json = tokenizer.json();
        if (config.isPresent() && TokenizerParts.hasPrefixSpace(json)) {
            json.getAsJsonObject("pre_tokenizer")
                    .addProperty("add_prefix_space", config.get().flag("add_prefix_space", false));
        }
    }

    // Newer folders list tokens by id in tokenizer_config.json, older ones in a file of their own.
    private Map<Integer, JsonObject> numberedTokens() {
        Map<Integer, JsonObject> tokens = new TreeMap<>();
        Optional<JsonFields> listed = config.flatMap(fields -> fields.objectIfThere("added_tokens_decoder"));
        if (listed.isPresent()) {
            for (String id : listed.get().names()) {
                if (!id.matches("[0-9]{1,8}")) {
                    throw listed.get().fault(id, "ids as names");
                }
                JsonFields token = listed.get().object(id);
                tokens.put(Integer.parseInt(id), token(token, false));
            }
        } else if (numbered.isPresent()) {
            List<String> special = namedTokens().stream()
                    .map(token -> token.get("content").getAsString())
                    .toList();
            for (String content : numbered.get().names()) {
                tokens.put(numbered.get().integer(content, 0, MOST_IDS), plain(content, special.contains(content)));
            }
        }
        return tokens;
    }

    private List<JsonObject> namedTokens() {
        List<JsonObject> tokens = new ArrayList<>();
        for (String mark : MARKS) {
            source(mark).ifPresent(fields -> tokens.add(token(fields, mark)));
        }
        for (String list : List.of("additional_special_tokens", "extra_special_tokens")) {
            source(list).ifPresent(fields -> tokens.addAll(tokens(fields, list)));
        }
        return tokens;
    }

    // The older map holds where the configuration lists no tokens by id; else it is not looked at.
    private Optional<JsonFields> source(String name) {
        boolean isNewer =
                config.filter(fields -> fields.has("added_tokens_decoder")).isPresent();
        return map.filter(fields -> !isNewer && fields.has(name)).or(() -> config.filter(fields -> fields.has(name)));
    }

    private static List<JsonObject> tokens(JsonFields fields, String list) {
        JsonElement value = fields.json(list).orElseThrow();
        if (value.isJsonObject()) { // extra_special_tokens by a name of their own
            JsonFields named = fields.object(list);
            return named.names().stream().map(name -> token(named, name)).toList();
        }
        return fields.entries(list).stream()
                .map(entry -> token(entry, entry.json().keySet().iterator().next()))
                .toList();
    }

    private static JsonObject token(JsonFields fields, String name) {
        return fields.json(name).filter(JsonElement::isJsonObject).isPresent()
                ? token(fields.object(name), true)
                : plain(fields.text(name), true);
    }

    private static JsonObject token(JsonFields fields, boolean special) {
        JsonObject token = new JsonObject();
        token.addProperty("content", fields.text("content"));
        Map<String, Boolean> flags = new LinkedHashMap<>();
        FLAGS.forEach(flag -> flags.put(flag, fields.flag(flag, false)));
        flags.put("special", special || flags.getOrDefault("special", false));
        flags.forEach(token::addProperty);
        return token;
    }

    private static JsonObject plain(String content, boolean special) {
        JsonObject token = new JsonObject();
        token.addProperty("content", content);
        FLAGS.forEach(flag -> token.addProperty(flag, false));
        token.addProperty("normalized", !special);
        token.addProperty("special", special);
        return token;
    }

    /** Whether texts begin with the mark, where the files say. */
    Optional<Boolean> addsBos() {
        return flag("add_bos_token");
    }

    /** Whether texts end with the mark, where the files say. */
    Optional<Boolean> addsEos() {
        return flag("add_eos_token");
    }

    private Optional<Boolean> flag(String name) {
        return config.filter(fields -> fields.has(name)).map(fields -> fields.flag(name));
    }

    /** A mark's text where the files name one that is not empty. */
    Optional<String> mark(String name) {
        return source(name)
                .map(fields -> token(fields, name).get("content").getAsString())
                .filter(text -> !text.isEmpty());
    }

    /** Whether the files name this mark as none: the empty text. */
    boolean isNone(String name) {
        return config.flatMap(fields -> fields.json(name))
                .filter(value -> value instanceof JsonPrimitive text
                        && text.isString()
                        && text.getAsString().isEmpty())
                .isPresent();
    }

    /** The tokens that only the files beside name, for tokenizers that have no way to add one. */
    List<String> contents() {
        List<String> all = new ArrayList<>();
        numberedTokens().values().forEach(token -> all.add(token.get("content").getAsString()));
        namedTokens().forEach(token -> all.add(token.get("content").getAsString()));
        return all.stream().filter(text -> !text.isEmpty()).distinct().toList();
    }
}
