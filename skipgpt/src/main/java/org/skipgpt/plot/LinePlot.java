package org.skipgpt.plot;

import java.awt.Color;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.skipgpt.report.Figure;
import org.skipgpt.report.TextTable;

/**
 * Lines over a common axis: training curves, perplexity against sparsity, drift along the context.
 *
 * <pre>{@code
 * LinePlot.of("Router tuning", "step", "loss (nats)").withLine("RT", steps, loss).withSmoothing(25).save(file);
 * }</pre>
 *
 * @param title over the picture
 * @param xLabel what x is, with its unit
 * @param yLabel what y is, with its unit
 * @param lines the series; at least one is needed to draw
 * @param logX whether x is logarithmic
 * @param logY whether y is logarithmic
 * @param smoothing points averaged; 1 for none; where more, the unsmoothed line shows faintly behind
 * @param markers whether points are marked; for few points
 * @param size of the picture
 */
public record LinePlot(
        String title,
        String xLabel,
        String yLabel,
        List<Line> lines,
        boolean logX,
        boolean logY,
        int smoothing,
        boolean markers,
        PictureSize size)
        implements Figure {
    /** Copies the series and checks the smoothing. */
    public LinePlot {
        lines = List.copyOf(lines);
        if (smoothing < 1) {
            throw new IllegalArgumentException(
                    "smoothing over " + smoothing + " points is not allowed: expected 1 (none)" + " or more");
        }
        List<String> names = lines.stream().map(Line::name).toList();
        if (names.stream().distinct().count() < names.size()) {
            throw new IllegalArgumentException("series names " + names + " repeat: give each series its own name");
        }
        for (Line line : lines) {
            line.checkLogarithm(logX, logY);
        }
    }

    /** An empty plot. */
    public static LinePlot of(String title, String xLabel, String yLabel) {
        return new LinePlot(title, xLabel, yLabel, List.of(), false, false, 1, false, PictureSize.defaults());
    }

    /** With one more line of N points. */
    public LinePlot withLine(String name, double[] x, double[] y) {
        return withLine(new Line(name, x, y, new double[0], new double[0]));
    }

    /** With one more line inside a band, e.g. value ± standard error; N points. */
    public LinePlot withBand(String name, double[] x, double[] y, double[] low, double[] high) {
        return withLine(new Line(name, x, y, low, high));
    }

    private LinePlot withLine(Line line) {
        List<Line> more = new ArrayList<>(lines);
        more.add(line);
        return new LinePlot(title, xLabel, yLabel, more, logX, logY, smoothing, markers, size);
    }

    /** With a logarithmic x axis. */
    public LinePlot withLogX() {
        return new LinePlot(title, xLabel, yLabel, lines, true, logY, smoothing, markers, size);
    }

    /** With a logarithmic y axis. */
    public LinePlot withLogY() {
        return new LinePlot(title, xLabel, yLabel, lines, logX, true, smoothing, markers, size);
    }

    /** With each line averaged over so many points. */
    public LinePlot withSmoothing(int points) {
        return new LinePlot(title, xLabel, yLabel, lines, logX, logY, points, markers, size);
    }

    /** With marked points. */
    public LinePlot withMarkers() {
        return new LinePlot(title, xLabel, yLabel, lines, logX, logY, smoothing, true, size);
    }

    /** In another size. */
    public LinePlot withSize(PictureSize newSize) {
        return new LinePlot(title, xLabel, yLabel, lines, logX, logY, smoothing, markers, newSize);
    }

    XYChart chart() {
        XYChart chart = XyCharts.empty(title, xLabel, yLabel, lines, logX, logY, size);
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isEmpty()) {
                addBehind(chart, i);
            }
        }
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isEmpty()) {
                addLine(chart, i);
            }
        }
        XyCharts.roundTicks(chart, lines);
        return chart;
    }

    private void addBehind(XYChart chart, int index) {
        Line line = lines.get(index);
        Color colour = Palette.series(index);
        if (line.hasBand()) {
            int n = line.x().length;
            double[] x = new double[2 * n];
            double[] y = new double[2 * n];
            int points = 0;
            for (int i = 0; i < 2 * n; i++) {
                int at = i < n ? i : 2 * n - 1 - i;
                double end = i < n ? line.high()[at] : line.low()[at];
                if (Double.isFinite(end)) {
                    x[points] = line.x()[at];
                    y[points++] = end;
                }
            }
            if (points > 2) {
                XYSeries band =
                        chart.addSeries("band of " + line.name(), Arrays.copyOf(x, points), Arrays.copyOf(y, points));
                band.setXYSeriesRenderStyle(XYSeriesRenderStyle.PolygonArea);
                band.setFillColor(ChartLook.faint(colour, 50)).setShowInLegend(false);
                band.setLineColor(ChartLook.faint(colour, 0)).setLineWidth(0);
                band.setMarker(SeriesMarkers.NONE);
            }
        }
        if (smoothing > 1) {
            Line thin = line.thinned(size.width());
            XYSeries raw = chart.addSeries("raw " + line.name(), thin.x(), XyCharts.gaps(thin.y()));
            raw.setLineColor(ChartLook.faint(colour, 60)).setLineStyle(ChartLook.stroke(0, 1));
            raw.setMarker(SeriesMarkers.NONE).setShowInLegend(false);
        }
    }

    private void addLine(XYChart chart, int index) {
        Line line = lines.get(index);
        Line thin = new Line(line.name(), line.x(), line.smoothed(smoothing), new double[0], new double[0])
                .thinned(size.width());
        XYSeries series = chart.addSeries(line.name(), thin.x(), XyCharts.gaps(thin.y()));
        series.setLineColor(Palette.series(index)).setLineStyle(ChartLook.stroke(index, 2));
        boolean lonely = line.x().length == 1;
        series.setMarker(markers || lonely ? ChartLook.marker(index) : SeriesMarkers.NONE);
        series.setMarkerColor(Palette.series(index));
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

    /** One row per series: points, first and last value, smallest and largest. */
    @Override
    public String text() {
        return SeriesText.of(title, xLabel, yLabel, lines);
    }

    /** One row per point. */
    @Override
    public TextTable data() {
        return XyCharts.data(title, xLabel, yLabel, lines);
    }

    @Override
    public String toString() {
        return text();
    }
}
