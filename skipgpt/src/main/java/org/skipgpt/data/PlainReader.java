package org.skipgpt.data;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.function.Consumer;

/** Plain text as rows with the one field {@code text}. */
final class PlainReader implements RowReader {
    private final String file;
    private final Utf8Lines lines;
    private final TextUnit unit;

    PlainReader(String file, InputStream in, TextUnit unit, Consumer<DataFault> faults) {
        this.file = file;
        this.unit = unit;
        lines = new Utf8Lines(file, in, faults);
    }

    @Override
    public Optional<DataRow> next() {
        StringJoiner text = new StringJoiner("\n");
        long first = 0;
        long blank = 0; // blank lines inside a whole file are kept
        for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
            if (line.get().isBlank()) {
                if (unit == TextUnit.PARAGRAPH && first > 0) {
                    break;
                }
                blank++;
                continue;
            }
            if (first == 0) {
                first = lines.line();
            } else {
                for (; blank > 0; blank--) {
                    text.add("");
                }
            }
            blank = 0;
            text.add(line.get());
            if (unit == TextUnit.LINE) {
                break;
            }
        }
        if (first == 0) {
            return Optional.empty();
        }
        JsonObject fields = new JsonObject();
        fields.addProperty(DataRows.PLAIN_FIELD, text.toString());
        return Optional.of(new DataRow(file, first, fields));
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
