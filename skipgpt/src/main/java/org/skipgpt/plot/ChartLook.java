package org.skipgpt.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.util.Optional;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** How all charts look: white ground, light grid, no boxes, text of 12 points and more. */
final class ChartLook {
    private static final Color INK = new Color(0x333333);
    private static final Color GRID = new Color(0xE3E3E3);
    private static final Marker[] MARKERS = {
        SeriesMarkers.CIRCLE,
        SeriesMarkers.SQUARE,
        SeriesMarkers.DIAMOND,
        SeriesMarkers.TRIANGLE_UP,
        SeriesMarkers.TRIANGLE_DOWN,
        SeriesMarkers.CROSS,
        SeriesMarkers.PLUS
    };

    private ChartLook() {}

    static void apply(AxesChartStyler styler, int series) {
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setPlotBackgroundColor(Color.WHITE);
        styler.setPlotBorderVisible(false);
        styler.setChartTitleBoxVisible(false);
        styler.setChartFontColor(INK);
        styler.setChartTitleFont(font(Font.BOLD, 15));
        styler.setChartPadding(10);
        styler.setLegendFont(font(Font.PLAIN, 12));
        styler.setLegendBorderColor(Color.WHITE);
        styler.setLegendPosition(Styler.LegendPosition.OutsideE);
        styler.setLegendSeriesLineLength(26);
        styler.setLegendVisible(series > 1);
        styler.setMarkerSize(7);
        styler.setAxisTitleFont(font(Font.PLAIN, 13));
        styler.setAxisTickLabelsFont(font(Font.PLAIN, 12));
        styler.setAxisTickLabelsColor(INK);
        styler.setPlotGridLinesColor(GRID);
        styler.setPlotGridLinesStroke(new BasicStroke(1));
        styler.setAxisTickMarksColor(INK);
        styler.setPlotMargin(0);
        styler.setErrorBarsColor(INK);
        styler.setXAxisLogarithmicDecadeOnly(false);
        styler.setYAxisLogarithmicDecadeOnly(false);
        styler.setXAxisDecimalPattern("0.####");
        styler.setYAxisDecimalPattern("0.####");
        styler.setXAxisTickMarkSpacingHint(80);
        styler.setYAxisTickMarkSpacingHint(44);
    }

    /** Axes of numbers; logarithmic where one is given. */
    static void numbers(AxesChartStyler styler, Optional<LogAxis> logX, Optional<LogAxis> logY) {
        styler.setXAxisLogarithmic(logX.isPresent()).setYAxisLogarithmic(logY.isPresent());
        styler.setXAxisTickLabelsFormattingFunction(Numbers::tick);
        styler.setYAxisTickLabelsFormattingFunction(Numbers::tick);
        logX.ifPresent(axis -> styler.setXAxisMin(axis.low())
                .setXAxisMax(axis.high())
                .setXAxisTickLabelsFormattingFunction(axis::label));
        logY.ifPresent(axis -> styler.setYAxisMin(axis.low())
                .setYAxisMax(axis.high())
                .setYAxisTickLabelsFormattingFunction(axis::label));
    }

    static Font font(int style, int size) {
        return new Font(Font.SANS_SERIF, style, size);
    }

    static Marker marker(int series) {
        return MARKERS[series % MARKERS.length];
    }

    /** Whole lines for the first colours, then the same colours dashed. */
    static BasicStroke stroke(int series, float width) {
        float[] dash = series < Palette.seriesColours() ? null : new float[] {7, 4};
        return new BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, dash, 0);
    }

    static Color faint(Color colour, int alpha) {
        return new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), alpha);
    }
}
