package org.skipgpt.io;

import java.util.function.DoublePredicate;

/**
 * Which finite numbers a field may hold.
 *
 * @param text says it in words, as in {@code a number above 0}
 * @param inside tells whether a finite number is allowed
 */
public record Numbers(String text, DoublePredicate inside) {
    /** Every finite number. */
    public static Numbers any() {
        return new Numbers("a number", value -> true);
    }

    /** Numbers above a bound. */
    public static Numbers above(double low) {
        return new Numbers("a number above " + plain(low), value -> value > low);
    }

    /** Numbers between two bounds, both included. */
    public static Numbers between(double low, double high) {
        return new Numbers("a number " + plain(low) + ".." + plain(high), value -> value >= low && value <= high);
    }

    /** Numbers from a bound up to, but not including, another. */
    public static Numbers below(double low, double high) {
        return new Numbers(
                "a number from " + plain(low) + " up to but not " + plain(high), value -> value >= low && value < high);
    }

    /** Whether a number is finite and allowed. */
    public boolean hold(double value) {
        return Double.isFinite(value) && inside.test(value);
    }

    private static String plain(double bound) {
        return bound == Math.rint(bound) && Math.abs(bound) < 1e9
                ? Long.toString((long) bound)
                : Double.toString(bound);
    }
}
