package org.skipgpt.io;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.function.Function;

/** JSON files as objects: strict UTF-8 and strict JSON, no name twice, errors that name file and place. */
public final class Json {
    /** The longest file that is read, in bytes: an index of a very large model has a few megabytes. */
    public static final int MAX_BYTES = BoundedFile.MOST_BYTES;

    /** The most values of one text, those inside of others included; the largest tokenizers have 2.5 million. */
    public static final int MOST_VALUES = 8_000_000;

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
        return object(BoundedFile.text(path, MAX_BYTES, fault), "File " + path, fault);
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
        JsonTree tree = JsonTree.of(new StringReader(text), what, fault, MOST_VALUES);
        JsonReader json = tree.reader();
        try {
            JsonElement element = tree.next();
            if (json.peek() != JsonToken.END_DOCUMENT || !element.isJsonObject()) {
                throw fault.apply(what + " does not hold one JSON object; fetch or write it again.");
            }
            return element.getAsJsonObject();
        } catch (MalformedJsonException | EOFException | IllegalStateException e) {
            throw BoundedFile.caused(
                    fault.apply(what + " is not valid JSON at " + json.getPath() + "; fetch or write it again."), e);
        } catch (IOException e) {
            throw BoundedFile.caused(fault.apply(what + " cannot be read: " + e), e);
        }
    }

    /** The object as indented text with a newline at the end. */
    public static String pretty(JsonObject object) {
        return PRETTY.toJson(object) + "\n";
    }
}
