package org.skipgpt.plot;

import java.awt.Graphics2D;
import java.util.function.Consumer;
import org.knowm.xchart.internal.chartpart.Chart;

/**
 * What to draw, laid out.
 *
 * @param size of the picture
 * @param title for readers who do not see it
 * @param pen draws, in points
 */
record Drawing(PictureSize size, String title, Consumer<Graphics2D> pen) {
    /** A chart as a drawing. */
    static Drawing of(PictureSize size, String title, Chart<?, ?> chart) {
        return new Drawing(size, title, graphics -> chart.paint(graphics, size.width(), size.height()));
    }
}
