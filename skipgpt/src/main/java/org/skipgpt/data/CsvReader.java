package org.skipgpt.data;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Comma-separated values with a heading (RFC 4180): quoted cells may hold commas, doubled quotes and line ends. */
final class CsvReader implements RowReader {
    private final String file;
    private final Utf8Lines lines;
    private final Consumer<DataFault> faults;
    private List<String> names = List.of();
    private boolean ended;

    CsvReader(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.faults = faults;
        lines = new Utf8Lines(file, in, faults);
    }

    @Override
    public Optional<DataRow> next() {
        while (!ended) {
            Optional<String> line = lines.next();
            if (line.isEmpty()) {
                break;
            }
            long first = lines.line();
            if (line.get().isEmpty()) {
                continue;
            }
            String problem;
            try {
                List<String> cells = new Cells(first).of(line.get());
                if (names.isEmpty()) {
                    names = heading(cells);
                    continue;
                }
                if (cells.size() == names.size()) {
                    return Optional.of(row(first, cells));
                }
                problem = cells.size() + " cells; the heading has " + names.size();
            } catch (RowException e) {
                // Where a row ends is not known, so what follows cannot be told apart.
                ended = true;
                problem = e.getMessage() + "; the file is read up to here";
            }
            faults.accept(new DataFault(file, first, problem));
        }
        return Optional.empty();
    }

    private DataRow row(long first, List<String> cells) {
        JsonObject fields = new JsonObject();
        for (int i = 0; i < cells.size(); i++) {
            fields.addProperty(names.get(i), cells.get(i));
        }
        return new DataRow(file, first, fields);
    }

    /** The rows cannot be told apart from here on. */
    private static final class RowException extends Exception {
        private static final long serialVersionUID = 1;

        RowException(String message) {
            super(message);
        }
    }

    private static List<String> heading(List<String> cells) throws RowException {
        if (new HashSet<>(cells).size() < cells.size()) {
            throw new RowException("the heading names a column twice");
        }
        return cells;
    }

    /** The cells of one row, which may go over several lines. */
    private final class Cells {
        private final long first;
        private final List<String> cells = new ArrayList<>();
        private final StringBuilder cell = new StringBuilder();
        private boolean quoted;
        private long letters;

        Cells(long first) {
            this.first = first;
        }

        List<String> of(String firstLine) throws RowException {
            line(firstLine);
            while (quoted) {
                String more = lines.next()
                        .orElseThrow(() -> new RowException("a quote is never closed in the row of line " + first));
                cell.append('\n');
                line(more);
            }
            end();
            return cells;
        }

        private void line(String line) throws RowException {
            letters += line.length() + 1;
            if (letters > DataLimits.RECORD) {
                throw new RowException(
                        "the row has more than " + DataLimits.RECORD + " characters; is a quote missing?");
            }
            for (int i = 0; i < line.length(); i++) {
                char c = line.charAt(i);
                if (quoted && c == '"' && i + 1 < line.length() && line.charAt(i + 1) == '"') {
                    cell.append('"');
                    i++;
                } else if (c == '"' && (quoted || cell.isEmpty())) {
                    quoted = !quoted;
                } else if (c == ',' && !quoted) {
                    end();
                } else {
                    cell.append(c);
                }
            }
        }

        private void end() throws RowException {
            if (cells.size() == DataLimits.COLUMNS) {
                throw new RowException("the row has more than " + DataLimits.COLUMNS + " cells");
            }
            cells.add(cell.toString());
            cell.setLength(0);
        }
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}
