package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.function.Consumer;

/** One JSON object a line. */
final class JsonLinesReader implements RowReader {
    private final String file;
    private final Utf8Lines lines;
    private final Consumer<DataFault> faults;

    JsonLinesReader(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.faults = faults;
        lines = new Utf8Lines(file, in, faults);
    }

    @Override
    public Optional<DataRow> next() {
        for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
            if (line.get().isBlank()) {
                continue;
            }
            try {
                JsonElement parsed = JsonParser.parseString(line.get());
                if (parsed.isJsonObject()) {
                    return Optional.of(new DataRow(file, lines.line(), parsed.getAsJsonObject()));
                }
                faults.accept(new DataFault(file, lines.line(), "no JSON object but " + head(line.get())));
            } catch (JsonParseException e) {
                faults.accept(new DataFault(file, lines.line(), "no JSON: " + head(line.get())));
            }
        }
        return Optional.empty();
    }

    private static String head(String line) {
        return line.length() <= 60 ? line : line.substring(0, 60) + "…";
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
