package org.skipgpt.report;

/**
 * A number with its standard error, as a table cell.
 *
 * @param value what was measured
 * @param error its standard error, at least 0
 */
public record Measured(double value, double error) implements Comparable<Measured> {
    /** Checks the error. */
    public Measured {
        if (error < 0) {
            throw new IllegalArgumentException("standard error " + error + " is not allowed: expected 0 or more");
        }
    }

    /** Orders by value alone. */
    @Override
    public int compareTo(Measured other) {
        return Double.compare(value, other.value);
    }
}
