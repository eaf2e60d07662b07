package org.skipgpt.data;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.function.Consumer;

/** Plain text as rows with the one field {@code text}. */
final class PlainReader implements RowReader {
    private final String file;
    private final Utf8Lines lines;
    private final TextUnit unit;
    private final Consumer<DataFault> faults;

    PlainReader(String file, InputStream in, TextUnit unit, Consumer<DataFault> faults) {
        this.file = file;
        this.unit = unit;
        this.faults = faults;
        lines = new Utf8Lines(file, in, faults);
    }

    @Override
    public Optional<DataRow> next() {
        StringBuilder text = new StringBuilder();
        long first = 0;
        long blank = 0; // blank lines inside a whole file are kept
        boolean tooLong = false;
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
                blank = 0;
            } else {
                blank++;
            }
            if (tooLong || blank + line.get().length() > DataLimits.TEXT - text.length()) {
                tooLong = true;
            } else {
                text.append("\n".repeat((int) blank)).append(line.get());
            }
            blank = 0;
            if (unit == TextUnit.LINE) {
                break;
            }
        }
        if (tooLong) {
            faults.accept(new DataFault(
                    file,
                    first,
                    "a text of more than " + DataLimits.TEXT + " characters; take smaller units, or give the JVM more"
                            + " memory (-Xmx) where there is more"));
            return unit == TextUnit.FILE ? Optional.empty() : next();
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
