package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the files beside a tokenizer say about its marks: tokenizer_config.json (token texts), special_tokens_map.json
 * (the same, older), config.json (ids).
 */
record TokenMarks(
        Optional<String> bosText,
        Optional<String> eosText,
        OptionalInt bosId,
        OptionalInt eosId,
        Optional<Boolean> addsBos) {
    static TokenMarks beside(Path folder) {
        JsonObject tokenizer = Json.objectOrEmpty(folder.resolve("tokenizer_config.json"));
        JsonObject map = Json.objectOrEmpty(folder.resolve("special_tokens_map.json"));
        JsonObject model = Json.objectOrEmpty(folder.resolve("config.json"));
        return new TokenMarks(
                text(tokenizer, "bos_token").or(() -> text(map, "bos_token")),
                text(tokenizer, "eos_token").or(() -> text(map, "eos_token")),
                id(model, "bos_token_id"),
                id(model, "eos_token_id"),
                Json.member(tokenizer, "add_bos_token").map(JsonElement::getAsBoolean));
    }

    private static Optional<String> text(JsonObject object, String name) {
        return Json.member(object, name)
                .flatMap(value -> value.isJsonObject()
                        ? Json.member(value.getAsJsonObject(), "content").map(JsonElement::getAsString)
                        : Optional.of(value.getAsString()));
    }

    // Instruction-tuned models list several end ids; the first is the one that ends a text.
    private static OptionalInt id(JsonObject object, String name) {
        return Json.member(object, name)
                .map(value -> value.isJsonArray() ? value.getAsJsonArray().get(0) : value)
                .map(value -> OptionalInt.of(value.getAsInt()))
                .orElse(OptionalInt.empty());
    }
}
