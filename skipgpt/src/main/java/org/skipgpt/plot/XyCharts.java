package org.skipgpt.plot;

import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.skipgpt.report.Column;
import org.skipgpt.report.TextTable;

/** What line and scatter plots share: axes with their ticks, and the numbers behind the picture. */
final class XyCharts {
    /** Share of the width that a step of an integer axis may take; the plot itself is 0.48 to 0.96 of the width. */
    private static final double INTEGER_STEP = 0.72;

    private XyCharts() {}

    /** A chart with axes and without series. */
    static XYChart empty(
            String title,
            String xLabel,
            String yLabel,
            List<Line> lines,
            boolean logX,
            boolean logY,
            PictureSize size) {
        if (lines.stream().allMatch(Line::isEmpty)) {
            throw new IllegalStateException(
                    "figure \"" + title + "\" has no finite value to draw; add a line or points first");
        }
        XYChart chart = new XYChart(size.width(), size.height());
        chart.setTitle(title);
        chart.setXAxisTitle(xLabel);
        chart.setYAxisTitle(yLabel);
        AxesChartStyler styler = chart.getStyler();
        ChartLook.apply(styler, lines.size());
        ChartLook.numbers(
                styler,
                logX ? logAxis(range(lines, Line::x)) : Optional.empty(),
                logY ? logAxis(withBands(lines)) : Optional.empty());
        if (!logX
                && lines.stream()
                        .flatMapToDouble(line -> Arrays.stream(line.x()))
                        .allMatch(x -> x == Math.rint(x))) {
            wholeSteps(styler, range(lines, Line::x), size.width());
        }
        return chart;
    }

    // A step counts whole things: half of one has no tick.
    private static void wholeSteps(AxesChartStyler styler, DoubleSummaryStatistics x, int width) {
        double span = x.getMax() - x.getMin();
        if (span == 1) {
            // One step would be wider than the space that is left beside a broad legend, and such an axis has no tick.
            styler.setXAxisMin(x.getMin() - 0.5);
            styler.setXAxisMax(x.getMax() + 0.5);
            span = 2;
        }
        if (span > 0) {
            int hint = (int) Math.ceil(INTEGER_STEP * width / span);
            styler.setXAxisTickMarkSpacingHint(Math.max(styler.getXAxisTickMarkSpacingHint(), hint));
        }
    }

    /**
     * Makes the chart choose round ticks. Where all values lie equally far apart it would label every n-th of them, such
     * as 0, 7, 14; an invisible point between them, added last, prevents it.
     */
    static void roundTicks(XYChart chart, List<Line> lines) {
        DoubleSummaryStatistics x = range(lines, Line::x);
        DoubleSummaryStatistics y = range(lines, Line::y);
        if (x.getMin() < x.getMax() || y.getMin() < y.getMax()) {
            XYSeries point = chart.addSeries("between", new double[] {between(x)}, new double[] {between(y)});
            point.setMarker(SeriesMarkers.NONE).setLineStyle(SeriesLines.NONE).setShowInLegend(false);
        }
    }

    private static double between(DoubleSummaryStatistics values) {
        return values.getMin() + (values.getMax() - values.getMin()) / Math.E;
    }

    private static DoubleSummaryStatistics range(List<Line> lines, Function<Line, double[]> axis) {
        return lines.stream()
                .flatMapToDouble(line -> Arrays.stream(axis.apply(line)))
                .filter(Double::isFinite)
                .summaryStatistics();
    }

    private static Optional<LogAxis> logAxis(DoubleSummaryStatistics values) {
        return LogAxis.of(values.getMin(), values.getMax());
    }

    private static DoubleSummaryStatistics withBands(List<Line> lines) {
        DoubleSummaryStatistics all = range(lines, Line::y);
        all.combine(range(lines, Line::low));
        all.combine(range(lines, Line::high));
        return all;
    }

    /** Values with every gap as NaN. */
    static double[] gaps(double[] values) {
        return Arrays.stream(values)
                .map(value -> Double.isFinite(value) ? value : Double.NaN)
                .toArray();
    }

    /** One row per point. */
    static TextTable data(String title, String xLabel, String yLabel, List<Line> lines) {
        TextTable.Builder table = TextTable.builder(
                title,
                List.of(
                        Column.text("series"),
                        Column.number(xLabel, 4),
                        Column.number(yLabel, 4),
                        Column.number("low", 4),
                        Column.number("high", 4)));
        for (Line line : lines) {
            for (int i = 0; i < line.x().length; i++) {
                Double low = line.hasBand() ? line.low()[i] : Double.NaN;
                Double high = line.hasBand() ? line.high()[i] : Double.NaN;
                table.add(line.name(), line.x()[i], line.y()[i], low, high);
            }
        }
        return table.build();
    }
}
