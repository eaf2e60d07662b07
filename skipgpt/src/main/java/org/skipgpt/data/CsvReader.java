package org.skipgpt.data;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Comma-separated values with a heading (RFC 4180): quoted cells may hold commas, doubled quotes and line ends. */
final class CsvReader implements RowReader {
    private final String file;
    private final Utf8Lines lines;
    private final Consumer<DataFault> faults;
    private List<String> names = List.of();

    CsvReader(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.faults = faults;
        lines = new Utf8Lines(file, in, faults);
    }

    @Override
    public Optional<DataRow> next() {
        for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
            long first = lines.line();
            if (line.get().isEmpty()) {
                continue;
            }
            List<String> cells = cells(line.get(), first);
            if (names.isEmpty()) {
                names = cells;
            } else if (cells.size() != names.size()) {
                faults.accept(new DataFault(file, first, cells.size() + " cells; the heading has " + names.size()));
            } else {
                JsonObject fields = new JsonObject();
                for (int i = 0; i < cells.size(); i++) {
                    fields.addProperty(names.get(i), cells.get(i));
                }
                return Optional.of(new DataRow(file, first, fields));
            }
        }
        return Optional.empty();
    }

    private List<String> cells(String firstLine, long first) {
        List<String> cells = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        String line = firstLine;
        for (int i = 0; ; i++) {
            if (i >= line.length()) {
                if (!quoted) {
                    break;
                }
                Optional<String> more = lines.next();
                if (more.isEmpty()) {
                    faults.accept(new DataFault(file, first, "a quote is never closed"));
                    return List.of();
                }
                cell.append('\n');
                line = more.get();
                i = -1;
                continue;
            }
            char c = line.charAt(i);
            if (quoted && c == '"' && i + 1 < line.length() && line.charAt(i + 1) == '"') {
                cell.append('"');
                i++;
            } else if (c == '"' && (quoted || cell.isEmpty())) {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        cells.add(cell.toString());
        return cells;
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
