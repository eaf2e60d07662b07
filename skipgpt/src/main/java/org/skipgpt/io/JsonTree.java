package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.Reader;
import java.math.BigInteger;
import java.util.function.Function;

/**
 * Values of a JSON text one after the other: strict JSON, no name twice, no number out of range, and no more values than a
 * budget, since three letters of text make an object of a hundred bytes.
 *
 * <p>A text that is no JSON is told by the exceptions of {@link JsonReader}, which its callers turn into their own.
 */
public final class JsonTree {
    private static final int MOST_DIGITS = 20; // of a whole number of 64 bits, with its sign

    private final JsonReader json;
    private final String what;
    private final Function<String, ? extends RuntimeException> fault;
    private final int most;
    private final boolean asWritten;
    private int left;

    private JsonTree(
            JsonReader json,
            String what,
            Function<String, ? extends RuntimeException> fault,
            int most,
            boolean asWritten) {
        this.json = json;
        this.what = what;
        this.fault = fault;
        this.most = most;
        this.asWritten = asWritten;
    }

    /**
     * Reads a text.
     *
     * @param what names the text in messages, as the beginning of a sentence
     * @param fault makes the exception of a name that comes twice, a number out of range and a value too many
     * @param most the most values that {@link #next} takes, those inside of others included
     */
    public static JsonTree of(Reader text, String what, Function<String, ? extends RuntimeException> fault, int most) {
        JsonReader json = new JsonReader(text);
        json.setStrictness(Strictness.STRICT);
        return new JsonTree(json, what, fault, most, false);
    }

    /** The same with numbers that print as they are written, {@code 1.50} as {@code 1.50}. */
    public JsonTree withNumbersAsWritten() {
        return new JsonTree(json, what, fault, most, true);
    }

    /** What is read from: where it stands, and what comes next. */
    public JsonReader reader() {
        return json;
    }

    /** The next value, with all that is inside of it. */
    public JsonElement next() throws IOException {
        left = most;
        return value();
    }

    // the reader itself refuses nesting beyond 255 levels, so the recursion is bounded
    private JsonElement value() throws IOException {
        if (left-- == 0) {
            throw fault.apply(what + " has more than " + most + " values, at " + json.getPath()
                    + "; no more are read at once. Check that it is the right file, or write it in parts.");
        }
        return switch (json.peek()) {
            case BEGIN_OBJECT -> object();
            case BEGIN_ARRAY -> array();
            case STRING -> new JsonPrimitive(json.nextString());
            case NUMBER -> number();
            case BOOLEAN -> new JsonPrimitive(json.nextBoolean());
            default -> {
                json.nextNull();
                yield JsonNull.INSTANCE;
            }
        };
    }

    private JsonObject object() throws IOException {
        JsonObject object = new JsonObject();
        json.beginObject();
        while (json.hasNext()) {
            String name = json.nextName();
            if (object.has(name)) {
                throw fault.apply(what + " has the name " + json.getPath() + " twice; remove one of the two.");
            }
            object.add(name, value());
        }
        json.endObject();
        return object;
    }

    private JsonArray array() throws IOException {
        JsonArray array = new JsonArray();
        json.beginArray();
        while (json.hasNext()) {
            array.add(value());
        }
        json.endArray();
        return array;
    }

    private JsonPrimitive number() throws IOException {
        if (asWritten) {
            return new JsonPrimitive(ToNumberPolicy.LAZILY_PARSED_NUMBER.readNumber(json));
        }
        String digits = json.nextString();
        if (digits.length() <= MOST_DIGITS && digits.chars().allMatch(c -> c == '-' || (c >= '0' && c <= '9'))) {
            BigInteger whole = new BigInteger(digits);
            if (whole.bitLength() < Long.SIZE) {
                return new JsonPrimitive(whole.longValue());
            }
        }
        double value = Double.parseDouble(digits);
        if (!Double.isFinite(value)) {
            throw fault.apply(what + " has the number " + digits + " at "
                    + json.getPreviousPath()
                    + ", which is out of range; write a number below 1e308.");
        }
        return new JsonPrimitive(value);
    }
}
