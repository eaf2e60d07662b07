package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;

/** One JSON array of objects, read object by object; a fault in it ends the file, since JSON cannot be picked up. */
final class JsonArrayReader implements RowReader {
    private final String file;
    private final JsonReader in;
    private final Consumer<DataFault> faults;
    private long place;
    private boolean begun;
    private boolean ended;

    JsonArrayReader(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.faults = faults;
        this.in = new JsonReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
    }

    @Override
    public Optional<DataRow> next() {
        try {
            if (!begun) {
                in.beginArray();
                begun = true;
            }
            while (!ended && in.peek() != JsonToken.END_ARRAY) {
                place++;
                JsonElement parsed = JsonParser.parseReader(in);
                if (parsed.isJsonObject()) {
                    return Optional.of(new DataRow(file, place, parsed.getAsJsonObject()));
                }
                faults.accept(new DataFault(file, place, "no JSON object in the array"));
            }
        } catch (IOException | JsonParseException | IllegalStateException e) {
            if (!ended) {
                faults.accept(new DataFault(file, place, "no array of JSON objects from here: " + e.getMessage()));
            }
        }
        ended = true;
        return Optional.empty();
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
