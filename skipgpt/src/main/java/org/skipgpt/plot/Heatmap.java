package org.skipgpt.plot;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.TextTable;

/**
 * A matrix as colours, with a colour bar, and the numbers in the cells where they fit; cells without a value are grey.
 *
 * <pre>{@code
 * Heatmap.of("Similarity", similarity, modules, tokens).withAxes("token", "module").withUnit("cosine");
 * }</pre>
 *
 * @param title over the picture
 * @param values (rows, columns), the first row on top
 * @param rowLabels one per row
 * @param columnLabels one per column; token texts are shown as they are, upright where short
 * @param xLabel what the columns are; may be empty
 * @param yLabel what the rows are; may be empty
 * @param unit of the values, beside the colour bar
 * @param palette the colours
 * @param low value of the first colour
 * @param high value of the last colour, above low
 * @param size width, and the least height: the picture grows with its rows
 */
public record Heatmap(
        String title,
        double[][] values,
        List<String> rowLabels,
        List<String> columnLabels,
        String xLabel,
        String yLabel,
        String unit,
        Palette palette,
        double low,
        double high,
        PictureSize size)
        implements Figure {
    /** Copies the matrix and checks its shape. */
    public Heatmap {
        rowLabels = List.copyOf(rowLabels);
        columnLabels = List.copyOf(columnLabels);
        int columns = columnLabels.size();
        boolean fits =
                values.length == rowLabels.size() && Arrays.stream(values).allMatch(row -> row.length == columns);
        if (!fits || values.length == 0 || columns == 0) {
            throw new IllegalArgumentException(
                    "a matrix of " + values.length + " rows with " + rowLabels.size() + " row labels and " + columns
                            + " column labels: expected one label per row and column, none empty");
        }
        if (!(low < high)) {
            throw new IllegalArgumentException("colours from " + low + " to " + high + ": expected low below high");
        }
        values = Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    /** A heat map in viridis over the range of its finite values. */
    public static Heatmap of(String title, double[][] values, List<String> rowLabels, List<String> columnLabels) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (double[] row : values) {
            for (double value : row) {
                low = Double.isFinite(value) ? Math.min(low, value) : low;
                high = Double.isFinite(value) ? Math.max(high, value) : high;
            }
        }
        boolean spread = low < high;
        double middle = Double.isFinite(low) ? low : 0;
        return new Heatmap(
                title,
                values,
                rowLabels,
                columnLabels,
                "",
                "",
                "",
                Palette.VIRIDIS,
                spread ? low : middle - 0.5,
                spread ? high : middle + 0.5,
                new PictureSize(760, 240, 1));
    }

    /** With names for the axes: columns, then rows. */
    public Heatmap withAxes(String newXLabel, String newYLabel) {
        return copy(newXLabel, newYLabel, unit, palette, low, high, size);
    }

    /** With a unit beside the colour bar. */
    public Heatmap withUnit(String newUnit) {
        return copy(xLabel, yLabel, newUnit, palette, low, high, size);
    }

    /** With fixed ends of the colours, so that pictures compare. */
    public Heatmap withRange(double newLow, double newHigh) {
        return copy(xLabel, yLabel, unit, palette, newLow, newHigh, size);
    }

    /** In other colours. */
    public Heatmap withPalette(Palette newPalette) {
        return copy(xLabel, yLabel, unit, newPalette, low, high, size);
    }

    /** In blue and red around a middle value, reaching equally far to both sides. */
    public Heatmap withMiddle(double middle) {
        double reach = Math.max(Math.abs(high - middle), Math.abs(middle - low));
        return copy(xLabel, yLabel, unit, Palette.DIVERGING, middle - reach, middle + reach, size);
    }

    /** In another size. */
    public Heatmap withSize(PictureSize newSize) {
        return copy(xLabel, yLabel, unit, palette, low, high, newSize);
    }

    private Heatmap copy(
            String newXLabel,
            String newYLabel,
            String newUnit,
            Palette newPalette,
            double newLow,
            double newHigh,
            PictureSize newSize) {
        return new Heatmap(
                title,
                values,
                rowLabels,
                columnLabels,
                newXLabel,
                newYLabel,
                newUnit,
                newPalette,
                newLow,
                newHigh,
                newSize);
    }

    private Drawing drawing() {
        HeatmapLayout layout = new HeatmapLayout(this);
        return new Drawing(layout.pictureSize(), title, layout::draw);
    }

    @Override
    public Optional<byte[]> png() {
        return Optional.of(Pictures.png(this::drawing));
    }

    @Override
    public Optional<String> svg() {
        return Optional.of(Pictures.svg(this::drawing));
    }

    /** Mean, lowest and highest of each row. */
    @Override
    public String text() {
        TextTable.Builder table = TextTable.builder(
                title + ": " + values.length + " x " + columnLabels.size() + (unit.isEmpty() ? "" : ", " + unit),
                List.of(
                        Column.text(yLabel.isEmpty() ? "row" : yLabel),
                        Column.number("mean", 3),
                        Column.number("lowest", 3),
                        Column.text("at"),
                        Column.number("highest", 3),
                        Column.text("at")));
        for (int r = 0; r < values.length; r++) {
            int least = -1;
            int most = -1;
            double sum = 0;
            int count = 0;
            for (int c = 0; c < values[r].length; c++) {
                if (Double.isFinite(values[r][c])) {
                    least = least < 0 || values[r][c] < values[r][least] ? c : least;
                    most = most < 0 || values[r][c] > values[r][most] ? c : most;
                    sum += values[r][c];
                    count++;
                }
            }
            boolean any = count > 0;
            table.add(
                    rowLabels.get(r),
                    any ? sum / count : Double.NaN,
                    any ? values[r][least] : Double.NaN,
                    any ? columnLabels.get(least).strip() : "",
                    any ? values[r][most] : Double.NaN,
                    any ? columnLabels.get(most).strip() : "");
        }
        return table.build().text();
    }

    /** The matrix, one row per row, with the labels. */
    @Override
    public TextTable data() {
        List<Column> columns = new ArrayList<>(List.of(Column.text(yLabel.isEmpty() ? "row" : yLabel)));
        for (int c = 0; c < columnLabels.size(); c++) {
            columns.add(Column.number(c + " " + columnLabels.get(c), 3));
        }
        TextTable.Builder table = TextTable.builder(title, columns);
        for (int r = 0; r < values.length; r++) {
            List<Object> cells = new ArrayList<>(List.of(rowLabels.get(r)));
            Arrays.stream(values[r]).forEach(cells::add);
            table.add(cells.toArray());
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
