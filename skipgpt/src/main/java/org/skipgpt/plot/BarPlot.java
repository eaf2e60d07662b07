package org.skipgpt.plot;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategorySeries;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.TextTable;

/**
 * Grouped bars: one group per category, one bar per series, with error bars where given.
 *
 * <pre>{@code
 * BarPlot.of("Skipped share", "target", "skipped (%)", List.of("15 %", "25 %"))
 *         .withBars("attention", 22, 37)
 *         .withBars("MLP", 8, 13);
 * }</pre>
 *
 * @param title over the picture
 * @param xLabel what the categories are
 * @param yLabel what the height is, with its unit
 * @param categories C names
 * @param series bars by series
 * @param size of the picture
 */
public record BarPlot(
        String title, String xLabel, String yLabel, List<String> categories, List<Bars> series, PictureSize size)
        implements Figure {
    /**
     * One bar per category.
     *
     * @param name as the legend shows it
     * @param values C heights; NaN is no bar
     * @param errors C standard errors, or none
     */
    public record Bars(String name, double[] values, double[] errors) {
        /** Copies the arrays. */
        public Bars {
            values = values.clone();
            errors = errors.clone();
        }
    }

    /** Copies the lists and checks the lengths. */
    public BarPlot {
        categories = List.copyOf(categories);
        series = List.copyOf(series);
        if (categories.isEmpty() || categories.stream().distinct().count() < categories.size()) {
            throw new IllegalArgumentException(
                    "categories " + categories + " are not allowed: expected at least one, none twice");
        }
        for (Bars bars : series) {
            int errors = bars.errors().length;
            if (bars.values().length != categories.size() || (errors != 0 && errors != categories.size())) {
                throw new IllegalArgumentException("series \"" + bars.name() + "\" has " + bars.values().length
                        + " values and " + errors + " errors: expected " + categories.size() + ", one per category");
            }
        }
    }

    /** A plot without bars. */
    public static BarPlot of(String title, String xLabel, String yLabel, List<String> categories) {
        return new BarPlot(title, xLabel, yLabel, categories, List.of(), PictureSize.defaults());
    }

    /** With one more series of C values. */
    public BarPlot withBars(String name, double... values) {
        return withBars(new Bars(name, values, new double[0]));
    }

    /** With one more series of C values and their standard errors. */
    public BarPlot withBars(String name, double[] values, double[] errors) {
        return withBars(new Bars(name, values, errors));
    }

    private BarPlot withBars(Bars bars) {
        List<Bars> more = new ArrayList<>(series);
        more.add(bars);
        return new BarPlot(title, xLabel, yLabel, categories, more, size);
    }

    /** In another size. */
    public BarPlot withSize(PictureSize newSize) {
        return new BarPlot(title, xLabel, yLabel, categories, series, newSize);
    }

    private CategoryChart chart() {
        if (series.isEmpty()) {
            throw new IllegalStateException("figure \"" + title + "\" has no bars; add some with withBars");
        }
        CategoryChart chart = new CategoryChart(size.width(), size.height());
        chart.setTitle(title);
        chart.setXAxisTitle(xLabel);
        chart.setYAxisTitle(yLabel);
        ChartLook.apply(chart.getStyler(), series.size());
        chart.getStyler().setAvailableSpaceFill(0.8);
        chart.getStyler().setPlotGridVerticalLinesVisible(false);
        chart.getStyler().setXAxisLabelRotation(isCrowded() ? 45 : 0);
        chart.getStyler().setXAxisTickMarkSpacingHint(1);
        chart.getStyler().setXAxisMaxLabelCount(categories.size());
        for (int i = 0; i < series.size(); i++) {
            Bars bars = series.get(i);
            List<Double> values = Arrays.stream(bars.values())
                    .boxed()
                    .map(BarPlot::heightOrNone)
                    .toList();
            CategorySeries added = bars.errors().length == 0
                    ? chart.addSeries(bars.name(), categories, values)
                    : chart.addSeries(
                            bars.name(),
                            categories,
                            values,
                            Arrays.stream(bars.errors()).boxed().toList());
            added.setFillColor(Palette.series(i));
        }
        return chart;
    }

    private static Double heightOrNone(Double value) {
        return value.isNaN() || value.isInfinite() ? Double.valueOf(0) : value;
    }

    private boolean isCrowded() {
        int letters = categories.stream().mapToInt(String::length).max().orElse(0);
        return (letters + 1) * 8 * categories.size() > size.width() - 200;
    }

    private Drawing drawing() {
        return Drawing.of(size, title, chart());
    }

    @Override
    public Optional<byte[]> png() {
        return Optional.of(Pictures.png(this::drawing));
    }

    @Override
    public Optional<String> svg() {
        return Optional.of(Pictures.svg(this::drawing));
    }

    @Override
    public String text() {
        return table(4).text();
    }

    /** One row per category, one column per series. */
    @Override
    public TextTable data() {
        return table(4);
    }

    private TextTable table(int decimals) {
        List<Column> columns = new ArrayList<>(List.of(Column.text(xLabel)));
        for (Bars bars : series) {
            columns.add(Column.number(bars.name(), decimals));
            if (bars.errors().length > 0) {
                columns.add(Column.number(bars.name() + " stderr", decimals));
            }
        }
        TextTable.Builder table = TextTable.builder(title + ": " + yLabel, columns);
        for (int c = 0; c < categories.size(); c++) {
            List<Object> cells = new ArrayList<>(List.of(categories.get(c)));
            for (Bars bars : series) {
                cells.add(bars.values()[c]);
                if (bars.errors().length > 0) {
                    cells.add(bars.errors()[c]);
                }
            }
            table.add(cells.toArray());
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
