package org.skipgpt.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.skipgpt.report.Figure;
import org.skipgpt.report.TextTable;

/**
 * Points in groups, told apart by colour and shape: cost against surprisal, speed against sparsity.
 *
 * @param title over the picture
 * @param xLabel what x is, with its unit
 * @param yLabel what y is, with its unit
 * @param groups the points; bands are not drawn
 * @param logX whether x is logarithmic
 * @param logY whether y is logarithmic
 * @param size of the picture
 */
public record ScatterPlot(
        String title, String xLabel, String yLabel, List<Line> groups, boolean logX, boolean logY, PictureSize size)
        implements Figure {
    /** Copies the groups. */
    public ScatterPlot {
        groups = List.copyOf(groups);
        for (Line group : groups) {
            group.checkLogarithm(logX, logY);
        }
    }

    /** An empty plot. */
    public static ScatterPlot of(String title, String xLabel, String yLabel) {
        return new ScatterPlot(title, xLabel, yLabel, List.of(), false, false, PictureSize.defaults());
    }

    /** With one more group of N points. */
    public ScatterPlot withPoints(String name, double[] x, double[] y) {
        List<Line> more = new ArrayList<>(groups);
        more.add(new Line(name, x, y, new double[0], new double[0]));
        return new ScatterPlot(title, xLabel, yLabel, more, logX, logY, size);
    }

    /** With a logarithmic x axis. */
    public ScatterPlot withLogX() {
        return new ScatterPlot(title, xLabel, yLabel, groups, true, logY, size);
    }

    /** With a logarithmic y axis. */
    public ScatterPlot withLogY() {
        return new ScatterPlot(title, xLabel, yLabel, groups, logX, true, size);
    }

    /** In another size. */
    public ScatterPlot withSize(PictureSize newSize) {
        return new ScatterPlot(title, xLabel, yLabel, groups, logX, logY, newSize);
    }

    private XYChart chart() {
        XYChart chart = XyCharts.empty(title, xLabel, yLabel, groups, logX, logY, size);
        chart.getStyler().setPlotContentSize(0.94);
        int crowd = groups.stream().mapToInt(group -> group.x().length).sum();
        for (int i = 0; i < groups.size(); i++) {
            Line group = groups.get(i);
            if (!group.isEmpty()) {
                XYSeries points = chart.addSeries(group.name(), group.x(), XyCharts.gaps(group.y()));
                points.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
                // many points lie over each other: let them show through
                int alpha = crowd > 300 ? 130 : 220;
                points.setMarker(ChartLook.marker(i)).setMarkerColor(ChartLook.faint(Palette.series(i), alpha));
            }
        }
        XyCharts.roundTicks(chart, groups);
        return chart;
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
        return SeriesText.of(title, xLabel, yLabel, groups);
    }

    /** One row per point. */
    @Override
    public TextTable data() {
        return XyCharts.data(title, xLabel, yLabel, groups);
    }

    @Override
    public String toString() {
        return text();
    }
}
