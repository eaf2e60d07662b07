package org.skipgpt.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A table of results: aligned text, html, markdown, LaTeX, csv and json of the same rows.
 *
 * <p>Cells are words, numbers or {@link Measured}; an absent number is NaN and shows as –. The best compared row of a
 * column is marked: bold, or with a star in plain text. A table never changes; adding a row makes a new one.
 *
 * <pre>{@code
 * var table = TextTable.of("pruned to 75 %", Column.text("method"), Column.number("perplexity", 2).lowerIsBetter());
 * table.withRow("ShortGPT", 14.32).withRow("SkipGPT-RT", 8.07);
 * }</pre>
 */
public final class TextTable implements Report {
    private static final int TEXT_LINES = 25;
    private static final int CELL_WIDTH = 40;

    /**
     * One row.
     *
     * @param cells one per column
     * @param compared whether it takes part in marking the best; rows quoted from elsewhere do not
     */
    public record Row(List<Object> cells, boolean compared) {
        /** Copies the cells. */
        public Row {
            cells = List.copyOf(cells);
        }
    }

    private final String title;
    private final List<Column> columns;
    private final List<Row> rows;

    private TextTable(String title, List<Column> columns, List<Row> rows) {
        this.title = title;
        this.columns = List.copyOf(columns);
        this.rows = List.copyOf(rows);
    }

    /** An empty table. */
    public static TextTable of(String title, Column... columns) {
        return of(title, Arrays.asList(columns));
    }

    /** An empty table. */
    public static TextTable of(String title, List<Column> columns) {
        if (columns.isEmpty()) {
            throw new IllegalArgumentException("table \"" + title + "\" has no column; give at least one");
        }
        return new TextTable(title, columns, List.of());
    }

    /**
     * The table with one more row.
     *
     * @param cells one per column: words where the column holds words; Number or Measured where it holds numbers; null
     *     is an absent value
     */
    public TextTable withRow(@Nullable Object... cells) {
        return withRow(true, cells);
    }

    /** The table with one more row that is quoted from elsewhere: shown with †, never marked as best. */
    public TextTable withReference(@Nullable Object... cells) {
        return withRow(false, cells);
    }

    private TextTable withRow(boolean compared, @Nullable Object... cells) {
        List<Row> more = new ArrayList<>(rows);
        more.add(row(compared, cells));
        return new TextTable(title, columns, more);
    }

    private Row row(boolean compared, @Nullable Object... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(
                    "a row of " + cells.length + " cells in table \"" + title + "\": expected " + columns.size() + ", "
                            + columns.stream().map(Column::name).toList());
        }
        List<Object> checked = new ArrayList<>();
        for (int i = 0; i < cells.length; i++) {
            checked.add(cell(columns.get(i), cells[i]));
        }
        return new Row(checked, compared);
    }

    /** Gathers many rows for one table. */
    public static final class Builder {
        private final TextTable empty;
        private final List<Row> rows = new ArrayList<>();

        private Builder(TextTable empty) {
            this.empty = empty;
        }

        /** Adds a row, as {@link TextTable#withRow} does. */
        public void add(@Nullable Object... cells) {
            rows.add(empty.row(true, cells));
        }

        /** The table with all rows so far. */
        public TextTable build() {
            return new TextTable(empty.title, empty.columns, rows);
        }
    }

    /** A builder, for tables of many rows. */
    public static Builder builder(String title, List<Column> columns) {
        return new Builder(of(title, columns));
    }

    private static Object cell(Column column, @Nullable Object given) {
        if (!column.isNumber()) {
            return given == null ? "" : given.toString();
        }
        Object cell = given == null ? Double.valueOf(Double.NaN) : given;
        if (!(cell instanceof Number) && !(cell instanceof Measured)) {
            throw new IllegalArgumentException("\"" + given + "\" in column \"" + column.name()
                    + "\" is not allowed: expected a number, Measured or null");
        }
        return cell;
    }

    /** What the table is about. */
    public String title() {
        return title;
    }

    /** The columns, left to right. */
    public List<Column> columns() {
        return columns;
    }

    /** The rows, top to bottom. */
    public List<Row> rows() {
        return rows;
    }

    /** Whether any row is quoted from elsewhere. */
    boolean hasReferences() {
        return rows.stream().anyMatch(row -> !row.compared());
    }

    @Override
    public String text() {
        return text(TEXT_LINES);
    }

    /** The aligned text of all rows, however many. */
    public String fullText() {
        return text(Integer.MAX_VALUE);
    }

    private String text(int lines) {
        int frame = (title.isEmpty() ? 2 : 3) + (hasReferences() ? 1 : 0);
        int shown = rows.size() + frame <= lines ? rows.size() : lines - frame - 1;
        int[] width = new int[columns.size()];
        String[][] cells = new String[shown][];
        for (int c = 0; c < width.length; c++) {
            width[c] = columns.get(c).name().length();
        }
        for (int r = 0; r < shown; r++) {
            cells[r] = new String[width.length];
            for (int c = 0; c < width.length; c++) {
                cells[r][c] = plain(r, c);
                width[c] = Math.max(width[c], cells[r][c].length());
            }
        }
        List<String> out = new ArrayList<>();
        if (!title.isEmpty()) {
            out.add(title);
        }
        out.add(line(width, columns.stream().map(Column::name).toArray(String[]::new)));
        out.add("─".repeat(Arrays.stream(width).sum() + 2 * (width.length - 1)));
        for (String[] row : cells) {
            out.add(line(width, row));
        }
        if (shown < rows.size()) {
            out.add("… " + (rows.size() - shown) + " more");
        }
        if (hasReferences()) {
            out.add("† reported elsewhere, not compared");
        }
        return String.join("\n", out);
    }

    private String line(int[] width, String[] cells) {
        StringBuilder out = new StringBuilder();
        for (int c = 0; c < width.length; c++) {
            String fill = " ".repeat(Math.max(0, width[c] - cells[c].length()));
            boolean marksAny = columns.get(c).best() != Column.Best.NONE;
            // the column of stars hangs to the right of the digits, so that the points stay in line
            String cell = columns.get(c).isNumber() && marksAny && !cells[c].endsWith("*") && !fill.isEmpty()
                    ? fill.substring(1) + cells[c] + " "
                    : columns.get(c).isNumber() ? fill + cells[c] : cells[c] + fill;
            out.append(c == 0 ? "" : "  ").append(cell);
        }
        return out.toString().stripTrailing();
    }

    private String plain(int row, int column) {
        String shown = shown(row, column);
        String clipped = shown.length() <= CELL_WIDTH ? shown : shown.substring(0, CELL_WIDTH - 1) + "…";
        return isBest(row, column) ? clipped + "*" : clipped;
    }

    /** A cell as it is read: numbers with the column's decimals, the first word of a quoted row with †. */
    String shown(int row, int column) {
        Object cell = rows.get(row).cells().get(column);
        String mark = column == 0 && !rows.get(row).compared() ? " †" : "";
        if (cell instanceof Measured measured) {
            return columns.get(column).shown(measured.value()) + " ± "
                    + columns.get(column).shown(measured.error()) + mark;
        }
        return (cell instanceof Number number ? columns.get(column).shown(number.doubleValue()) : cell.toString())
                + mark;
    }

    /** Whether a cell holds the best of its column, as far as the shown digits tell. */
    boolean isBest(int row, int column) {
        Column.Best best = columns.get(column).best();
        if (best == Column.Best.NONE || !rows.get(row).compared() || Double.isNaN(value(row, column))) {
            return false;
        }
        double sign = best == Column.Best.HIGHEST ? 1 : -1;
        double top = Double.NEGATIVE_INFINITY;
        int compared = 0;
        for (int r = 0; r < rows.size(); r++) {
            if (rows.get(r).compared() && !Double.isNaN(value(r, column))) {
                top = Math.max(top, sign * value(r, column));
                compared++;
            }
        }
        String mine = columns.get(column).shown(value(row, column));
        return compared > 1 && mine.equals(columns.get(column).shown(sign * top));
    }

    private double value(int row, int column) {
        Object cell = rows.get(row).cells().get(column);
        if (cell instanceof Measured measured) {
            return measured.value();
        }
        return cell instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /** A table element with inline styles only. */
    @Override
    public Optional<String> html() {
        return Optional.of(TableMarkup.html(this));
    }

    /** A pipe table, as notebooks and code hosts show it. */
    public String markdown() {
        return TableMarkup.markdown(this);
    }

    /** A booktabs tabular with the title as caption. */
    public String latex() {
        return TableMarkup.latex(this);
    }

    /** Saves the rows as the name's ending says: csv, json, md, tex or txt. */
    public void save(Path file) {
        TableData.save(this, file, "");
    }

    /** Comma-separated rows with all digits; an error gets its own column. */
    public String csv() {
        return TableData.csv(this);
    }

    /** An array of one object per row, all digits kept; Measured becomes {value, error}. */
    public String json() {
        return TableData.json(this);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TextTable that
                && title.equals(that.title)
                && columns.equals(that.columns)
                && rows.equals(that.rows);
    }

    @Override
    public int hashCode() {
        return Objects.hash(title, columns, rows);
    }

    @Override
    public String toString() {
        return text();
    }
}
