package org.skipgpt.plot;

import java.util.Optional;
import java.util.Set;

/**
 * A logarithmic axis with enough labels: the fewer decades it spans, the more ticks of each carry one.
 *
 * @param low its lower end, a whole multiple of a power of ten
 * @param high its upper end, likewise
 * @param labelled multiples of a power of ten that have a label
 */
record LogAxis(double low, double high, Set<Integer> labelled) {
    private static final double SLACK = 1e-9;
    private static final Set<Integer> ALL = Set.of(1, 2, 3, 4, 5, 6, 7, 8, 9);

    /**
     * The axis for values from low to high; empty where they span so little (a factor below 3) that a linear axis looks
     * much the same and has better ticks, or where a logarithm is undefined.
     */
    static Optional<LogAxis> of(double low, double high) {
        if (!(low > 0 && high >= 3 * low)) {
            return Optional.empty();
        }
        double decades = Math.log10(high / low);
        Set<Integer> labelled = decades <= 1 ? ALL : Set.of(1);
        if (decades > 1 && decades < 2.5) {
            labelled = decades < 1.5 ? Set.of(1, 2, 3, 5, 7) : Set.of(1, 2, 5);
        }
        double lowPower = power(low);
        double highPower = power(high);
        return Optional.of(new LogAxis(
                Math.floor(low / lowPower + SLACK) * lowPower,
                Math.ceil(high / highPower - SLACK) * highPower,
                labelled));
    }

    /** A tick's label; blank for one that has none. */
    String label(double value) {
        double lead = value / power(value);
        int whole = (int) Math.round(lead);
        return labelled.contains(whole) && Math.abs(lead - whole) < 1e-6 ? Numbers.tick(value) : " ";
    }

    private static double power(double value) {
        return Math.pow(10, Math.floor(Math.log10(value) + SLACK));
    }
}
