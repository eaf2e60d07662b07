package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;
import org.skipgpt.io.JsonTree;

/** One JSON array of objects, read object by object; a fault in it ends the file, since JSON cannot be picked up. */
final class JsonArrayReader implements RowReader {
    private final String file;
    private final RecordStream bytes;
    private final JsonTree in;
    private final Consumer<DataFault> faults;
    private long place;
    private boolean begun;
    private boolean ended;

    JsonArrayReader(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.faults = faults;
        bytes = new RecordStream(in);
        this.in = JsonTree.of(
                        new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()),
                        "the record",
                        DataException::new,
                        DataLimits.VALUES)
                .withNumbersAsWritten();
    }

    @Override
    public Optional<DataRow> next() {
        while (!ended) {
            String problem;
            try {
                JsonElement parsed = element();
                if (ended) {
                    break;
                }
                if (parsed.isJsonObject()) {
                    return Optional.of(new DataRow(file, place, parsed.getAsJsonObject()));
                }
                problem = "no JSON object in the array";
            } catch (DataException | IOException | IllegalStateException e) {
                ended = true;
                problem = "no array of JSON objects from here: " + e.getMessage();
            }
            faults.accept(new DataFault(file, place, problem));
        }
        return Optional.empty();
    }

    // The next element; where there is none, the array has ended.
    private JsonElement element() throws IOException {
        if (!begun) {
            in.reader().beginArray();
            begun = true;
        }
        if (in.reader().peek() == JsonToken.END_ARRAY) {
            in.reader().endArray();
            if (in.reader().peek() != JsonToken.END_DOCUMENT) {
                throw new DataException("something follows the array");
            }
            ended = true;
            return JsonNull.INSTANCE;
        }
        place++;
        bytes.begin();
        return in.next();
    }

    @Override
    public void close() throws IOException {
        in.reader().close();
    }
}
