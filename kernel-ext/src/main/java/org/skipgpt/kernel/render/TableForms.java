package org.skipgpt.kernel.render;

import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.report.Html;
import tech.tablesaw.api.NumericColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;

/** A Tablesaw table as html and as text, at most {@value #MAX_ROWS} rows of it. */
final class TableForms {
    private static final int MAX_ROWS = 30;
    private static final String CELL = "padding:2px 10px;border-bottom:1px solid #8884;";

    private TableForms() {}

    static Map<String, String> of(Table table) {
        return Map.of(Rendering.HTML, html(table), Rendering.TEXT, table.print(MAX_ROWS));
    }

    // Names with their types below, numbers to the right: what one needs to see before sorting by code.
    private static String html(Table table) {
        String head = table.columns().stream()
                .map(column -> "<th style=\"" + CELL + align(column) + "\">" + Html.escape(column.name())
                        + "<div style=\"font-weight:normal;opacity:0.6;font-size:85%\">"
                        + column.type().name().toLowerCase(Locale.ROOT) + "</div></th>")
                .collect(Collectors.joining());
        String rows = IntStream.range(0, Math.min(MAX_ROWS, table.rowCount()))
                .mapToObj(row -> row(table, row))
                .collect(Collectors.joining());
        String more = table.rowCount() > MAX_ROWS
                ? "the first " + MAX_ROWS + " of " + table.rowCount() + " rows"
                : table.rowCount() + " rows";
        String title = table.name() == null ? "" : Html.escape(table.name());
        return "<table style=\"border-collapse:collapse;font-size:13px\"><caption style=\"text-align:left;padding:4px 0\"><b>"
                + title + "</b> <span style=\"opacity:0.6\">" + more + ", " + table.columnCount()
                + " columns</span></caption><thead><tr>" + head + "</tr></thead><tbody>" + rows + "</tbody></table>";
    }

    private static String row(Table table, int row) {
        return table.columns().stream()
                .map(column ->
                        "<td style=\"" + CELL + align(column) + "\">" + Html.escape(column.getString(row)) + "</td>")
                .collect(Collectors.joining("", row % 2 == 0 ? "<tr>" : "<tr style=\"background:#8881\">", "</tr>"));
    }

    private static String align(Column<?> column) {
        return column instanceof NumericColumn ? "text-align:right" : "text-align:left";
    }
}
