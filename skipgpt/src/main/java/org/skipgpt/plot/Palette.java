package org.skipgpt.plot;

import java.awt.Color;
import java.util.List;

/** Colours for values, told apart by people with any colour vision and in grey print. */
public enum Palette {
    /** Dark blue over green to yellow, even in lightness; for amounts. */
    VIRIDIS(0x440154, 0x482878, 0x3E4A89, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725),
    /** Blue over white to red-brown; for values on both sides of a middle. */
    DIVERGING(0x2166AC, 0x4393C3, 0x92C5DE, 0xD1E5F0, 0xF7F7F7, 0xFDDBC7, 0xF4A582, 0xD6604D, 0xB2182B),
    /** White to dark blue; light enough at low values to carry text. */
    BLUES(0xFFFFFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x08519C);

    /** Of cells that have no value. */
    static final Color ABSENT = new Color(0xBDBDBD);

    /** Okabe and Ito's eight, black last and yellow left out: lines on white. */
    private static final int[] SERIES = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0x56B4E9, 0xE69F00, 0x000000};

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<Integer> anchors;

    Palette(Integer... anchors) {
        this.anchors = List.of(anchors);
    }

    /** The colour of a place between the ends, 0..1; outside is cut, NaN is grey. */
    Color at(double place) {
        if (Double.isNaN(place)) {
            return ABSENT;
        }
        double scaled = Math.max(0, Math.min(1, place)) * (anchors.size() - 1);
        int low = Math.min((int) scaled, anchors.size() - 2);
        double part = scaled - low;
        int mixed = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            double a = anchors.get(low) >> shift & 0xFF;
            double b = anchors.get(low + 1) >> shift & 0xFF;
            mixed |= (int) Math.round(a + (b - a) * part) << shift;
        }
        return new Color(mixed);
    }

    /** Black or white, whichever is read better: by WCAG 2.1's luminance, a little later since small digits are thin. */
    static Color inkOn(Color ground) {
        double luminance = 0.2126 * linear(ground.getRed())
                + 0.7152 * linear(ground.getGreen())
                + 0.0722 * linear(ground.getBlue());
        return luminance > 0.25 ? Color.BLACK : Color.WHITE;
    }

    private static double linear(int channel) {
        double part = channel / 255.0;
        return part <= 0.04045 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
    }

    static Color series(int index) {
        return new Color(SERIES[index % SERIES.length]);
    }

    static int seriesColours() {
        return SERIES.length;
    }

    static String css(Color colour) {
        return String.format("#%06x", colour.getRGB() & 0xFFFFFF);
    }
}
