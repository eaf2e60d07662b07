package org.skipgpt.report;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.skipgpt.report.TextTable.Row;

/** A table as data, all digits kept. */
final class TableData {
    private TableData() {}

    /**
     * Saves the rows as the name's ending says: csv, json, md, tex or txt.
     *
     * @param pictures endings that the caller knows besides, for the message
     */
    static void save(TextTable table, Path file, String pictures) {
        String name = file.toString();
        switch (name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)) {
            case "csv" -> WholeFile.write(file, table.csv());
            case "json" -> WholeFile.write(file, table.json());
            case "md" -> WholeFile.write(file, table.markdown() + "\n");
            case "tex" -> WholeFile.write(file, table.latex() + "\n");
            case "txt" -> WholeFile.write(file, table.fullText() + "\n");
            default ->
                throw new IllegalArgumentException("\"" + table.title() + "\" cannot be saved as " + file.getFileName()
                        + ": expected a name ending in " + pictures + "csv, json, md, tex or txt");
        }
    }

    /** Comma-separated rows with all digits; an error gets its own column. */
    static String csv(TextTable table) {
        StringBuilder out = new StringBuilder();
        List<String> names = new ArrayList<>();
        for (int c = 0; c < table.columns().size(); c++) {
            names.add(quoted(table.columns().get(c).name()));
            if (hasErrors(table, c)) {
                names.add(quoted(table.columns().get(c).name() + " stderr"));
            }
        }
        out.append(String.join(",", names)).append('\n');
        for (Row row : table.rows()) {
            List<String> cells = new ArrayList<>();
            for (int c = 0; c < table.columns().size(); c++) {
                Object cell = row.cells().get(c);
                Measured measured = cell instanceof Measured m ? m : null;
                cells.add(measured != null ? exact(measured.value()) : exact(cell));
                if (hasErrors(table, c)) {
                    cells.add(measured != null ? exact(measured.error()) : "");
                }
            }
            out.append(String.join(",", cells)).append('\n');
        }
        return out.toString();
    }

    private static boolean hasErrors(TextTable table, int column) {
        return table.rows().stream().anyMatch(row -> row.cells().get(column) instanceof Measured);
    }

    private static String exact(Object cell) {
        boolean absent = cell instanceof Double number && number.isNaN();
        return absent ? "" : quoted(cell.toString());
    }

    private static String quoted(String cell) {
        return cell.matches("(?s).*[\",\r\n].*") ? '"' + cell.replace("\"", "\"\"") + '"' : cell;
    }

    /** An array of one object per row, all digits kept; Measured becomes {value, error}. */
    static String json(TextTable table) {
        JsonArray out = new JsonArray();
        for (Row row : table.rows()) {
            JsonObject one = new JsonObject();
            for (int c = 0; c < table.columns().size(); c++) {
                Object cell = row.cells().get(c);
                String name = table.columns().get(c).name();
                if (cell instanceof Measured measured) {
                    JsonObject pair = new JsonObject();
                    pair.addProperty("value", measured.value());
                    pair.addProperty("error", measured.error());
                    one.add(name, pair);
                } else if (cell instanceof Number number) {
                    one.add(name, JsonNull.INSTANCE);
                    if (Double.isFinite(number.doubleValue())) {
                        one.addProperty(name, number);
                    }
                } else {
                    one.addProperty(name, cell.toString());
                }
            }
            if (!row.compared()) {
                one.addProperty("reference", true);
            }
            out.add(one);
        }
        return new GsonBuilder()
                .serializeNulls()
                .setPrettyPrinting()
                .disableHtmlEscaping()
                .create()
                .toJson(out);
    }
}
