package org.skipgpt.report;

import java.util.Locale;

/**
 * What one column of a table holds and how it is shown.
 *
 * @param name the heading, with its unit: {@code "loss (nats)"}
 * @param isNumber whether cells are numbers, set to the right
 * @param decimals digits after the point, 0..12; numbers only
 * @param best which end of the column is marked as the best
 */
public record Column(String name, boolean isNumber, int decimals, Best best) {
    /** Which value of a column is marked. */
    public enum Best {
        NONE,
        HIGHEST,
        LOWEST
    }

    /** Checks the decimals. */
    public Column {
        if (decimals < 0 || decimals > 12) {
            throw new IllegalArgumentException(
                    "decimals " + decimals + " of column \"" + name + "\" are not allowed: expected 0..12");
        }
    }

    /** A number with the column's digits; NaN as a dash. */
    String shown(double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    /** A column of words. */
    public static Column text(String name) {
        return new Column(name, false, 0, Best.NONE);
    }

    /** A column of numbers. */
    public static Column number(String name, int decimals) {
        return new Column(name, true, decimals, Best.NONE);
    }

    /** The same column with its highest value marked. */
    public Column higherIsBetter() {
        return new Column(name, isNumber, decimals, Best.HIGHEST);
    }

    /** The same column with its lowest value marked. */
    public Column lowerIsBetter() {
        return new Column(name, isNumber, decimals, Best.LOWEST);
    }
}
