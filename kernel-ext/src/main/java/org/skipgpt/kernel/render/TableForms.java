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

    // A click on a name sorts the rows shown. Where scripts are not run, the table stays as it is and promises nothing.
    private static final String SORTS = """
            <script>(() => {
              const table = document.currentScript.previousElementSibling, body = table.tBodies[0];
              [...table.tHead.rows[0].cells].forEach((head, column) => {
                const mark = head.firstChild.after(' \u2195') || head.childNodes[1];
                let up = false;
                head.style.cursor = 'pointer';
                head.title = 'sort the rows shown';
                head.onclick = () => {
                  up = !up;
                  table.querySelectorAll('th').forEach(one => one.childNodes[1].textContent = ' \u2195');
                  mark.textContent = up ? ' \u2191' : ' \u2193';
                  const text = row => row.cells[column].textContent.replaceAll(',', '');
                  const order = (a, b) => isNaN(text(a)) || isNaN(text(b)) ? text(a).localeCompare(text(b)) : text(a) - text(b);
                  const rows = [...body.rows].sort((a, b) => up ? order(a, b) : order(b, a));
                  rows.forEach((row, i) => row.style.background = i % 2 ? '#8881' : '');
                  body.append(...rows);
                };
              });
            })()</script>""";

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
                + " columns</span></caption><thead><tr>" + head + "</tr></thead><tbody>" + rows + "</tbody></table>"
                + (table.rowCount() > 1 ? SORTS : "");
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
