package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Reads the small JSON files that lie beside models and data. */
final class Json {
    private Json() {}

    static JsonObject object(Reader in) {
        JsonElement parsed = JsonParser.parseReader(in);
        if (!parsed.isJsonObject()) {
            throw new JsonParseException(
                    "expected a JSON object, found " + parsed.getClass().getSimpleName());
        }
        return parsed.getAsJsonObject();
    }

    static JsonObject object(Path file) {
        try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            return object(in);
        } catch (IOException | JsonParseException e) {
            throw new DataException(file + " cannot be read as a JSON object: " + e.getMessage(), e);
        }
    }

    /** The object in a file; an empty one where there is no such file. */
    static JsonObject objectOrEmpty(Path file) {
        return Files.isRegularFile(file) ? object(file) : new JsonObject();
    }

    /** A member that is present and not null. */
    static Optional<JsonElement> member(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value == null || value.isJsonNull() ? Optional.empty() : Optional.of(value);
    }
}
