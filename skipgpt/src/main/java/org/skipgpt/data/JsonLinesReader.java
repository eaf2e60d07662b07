package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.util.Optional;
import java.util.function.Consumer;
import org.skipgpt.io.JsonTree;

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
            JsonTree tree = JsonTree.of(new StringReader(line.get()), "the line", DataException::new, DataLimits.VALUES)
                    .withNumbersAsWritten();
            String problem;
            try {
                JsonElement parsed = tree.next();
                if (parsed.isJsonObject() && tree.reader().peek() == JsonToken.END_DOCUMENT) {
                    return Optional.of(new DataRow(file, lines.line(), parsed.getAsJsonObject()));
                }
                problem = "no single JSON object but " + head(line.get());
            } catch (DataException e) {
                problem = String.valueOf(e.getMessage());
            } catch (IOException | IllegalStateException e) {
                problem = "no JSON from " + tree.reader().getPath() + " on: " + head(line.get());
            }
            faults.accept(new DataFault(file, lines.line(), problem));
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
