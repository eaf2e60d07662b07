package org.skipgpt.io;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/** JSON files as objects: strict UTF-8 and strict JSON, no name twice, errors that name file and place. */
public final class Json {
    /** The longest file that is read, in bytes: an index of a very large model has a few megabytes. */
    public static final int MAX_BYTES = 100_000_000;

    private static final Gson PRETTY = new GsonBuilder()
            .setPrettyPrinting()
            .serializeNulls()
            .disableHtmlEscaping()
            .create();

    private Json() {}

    /**
     * Reads a file that holds one JSON object.
     *
     * @throws CheckpointException if the file is missing, too long, or holds something else
     */
    public static JsonObject object(Path path) {
        return object(path, CheckpointException::new);
    }

    /** As {@link #object(Path)}, with another kind of exception for every fault. */
    public static JsonObject object(Path path, Function<String, ? extends RuntimeException> fault) {
        return object(text(path, fault), "File " + path, fault);
    }

    private static String text(Path path, Function<String, ? extends RuntimeException> fault) {
        try {
            long size = Files.size(path);
            if (size > MAX_BYTES) {
                throw fault.apply("File " + path + " has " + size + " bytes; JSON files of up to " + MAX_BYTES
                        + " bytes are read. Check that it is the right file.");
            }
            return Files.readString(path, StandardCharsets.UTF_8);
        } catch (CharacterCodingException e) {
            throw caused(fault.apply("File " + path + " is not UTF-8 text; fetch or write it again."), e);
        } catch (IOException e) {
            RuntimeException failure = MappedFile.failure(path, e);
            throw failure instanceof CheckpointException ? caused(fault.apply(failure.getMessage()), e) : failure;
        }
    }

    private static RuntimeException caused(RuntimeException fault, Throwable cause) {
        fault.initCause(cause);
        return fault;
    }

    /**
     * Reads a text that is one JSON object.
     *
     * @param what names the text in messages, as the beginning of a sentence
     * @throws CheckpointException if the text is anything else
     */
    public static JsonObject object(String text, String what) {
        return object(text, what, CheckpointException::new);
    }

    /** As {@link #object(String, String)}, with another kind of exception for every fault. */
    public static JsonObject object(String text, String what, Function<String, ? extends RuntimeException> fault) {
        try (JsonReader json = new JsonReader(new StringReader(text))) {
            json.setStrictness(Strictness.STRICT);
            try {
                JsonElement element = read(json, what, fault);
                if (json.peek() != JsonToken.END_DOCUMENT || !element.isJsonObject()) {
                    throw fault.apply(what + " does not hold one JSON object; fetch or write it again.");
                }
                return element.getAsJsonObject();
            } catch (MalformedJsonException | EOFException | IllegalStateException e) {
                throw caused(
                        fault.apply(what + " is not valid JSON at " + json.getPath() + "; fetch or write it again."),
                        e);
            }
        } catch (IOException e) {
            throw caused(fault.apply(what + " cannot be read: " + e), e);
        }
    }

    /** The object as indented text with a newline at the end. */
    public static String pretty(JsonObject object) {
        return PRETTY.toJson(object) + "\n";
    }

    // the reader itself refuses nesting beyond 255 levels, so the recursion is bounded
    private static JsonElement read(JsonReader json, String what, Function<String, ? extends RuntimeException> fault)
            throws IOException {
        return switch (json.peek()) {
            case BEGIN_OBJECT -> readObject(json, what, fault);
            case BEGIN_ARRAY -> readArray(json, what, fault);
            case STRING -> new JsonPrimitive(json.nextString());
            case NUMBER -> number(json, what, fault);
            case BOOLEAN -> new JsonPrimitive(json.nextBoolean());
            default -> {
                json.nextNull();
                yield JsonNull.INSTANCE;
            }
        };
    }

    private static JsonObject readObject(
            JsonReader json, String what, Function<String, ? extends RuntimeException> fault) throws IOException {
        JsonObject object = new JsonObject();
        json.beginObject();
        while (json.hasNext()) {
            String name = json.nextName();
            if (object.has(name)) {
                throw fault.apply(what + " has the name " + json.getPath() + " twice; remove one of the two.");
            }
            object.add(name, read(json, what, fault));
        }
        json.endObject();
        return object;
    }

    private static JsonArray readArray(JsonReader json, String what, Function<String, ? extends RuntimeException> fault)
            throws IOException {
        JsonArray array = new JsonArray();
        json.beginArray();
        while (json.hasNext()) {
            array.add(read(json, what, fault));
        }
        json.endArray();
        return array;
    }

    private static JsonPrimitive number(
            JsonReader json, String what, Function<String, ? extends RuntimeException> fault) throws IOException {
        String place = json.getPath();
        String digits = json.nextString();
        if (digits.matches("-?[0-9]{1,18}")) {
            return new JsonPrimitive(Long.parseLong(digits));
        }
        double value = Double.parseDouble(digits);
        if (!Double.isFinite(value)) {
            throw fault.apply(what + " has the number " + digits + " at " + place
                    + ", which is out of range; write a number below 1e308.");
        }
        return new JsonPrimitive(value);
    }
}
