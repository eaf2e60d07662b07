package org.skipgpt.route;

import java.util.Arrays;
import java.util.Locale;

/**
 * The least probability at which a module executes at inference, as logits; 0 everywhere is the argmax.
 *
 * @param logits one a module in forward order, or a single one for all
 */
public record Thresholds(double[] logits) {
    /** Copies. */
    public Thresholds {
        logits = logits.clone();
        if (logits.length == 0 || Arrays.stream(logits).anyMatch(Double::isNaN)) {
            throw new IllegalArgumentException("thresholds " + Arrays.toString(logits)
                    + ": expected one number, or one for each module; argmax() is the usual choice");
        }
    }

    /** theta = 0.5. */
    public static Thresholds argmax() {
        return new Thresholds(new double[] {0});
    }

    /**
     * The same theta everywhere.
     *
     * @param theta 0..1; higher skips more
     */
    public static Thresholds of(double theta) {
        if (!(theta >= 0 && theta <= 1)) {
            throw new IllegalArgumentException("threshold " + theta + ": expected a probability between 0 and 1");
        }
        return new Thresholds(new double[] {Math.log(theta / (1 - theta))});
    }

    /** Raises every threshold by a logit. */
    public Thresholds plus(double shift) {
        return new Thresholds(Arrays.stream(logits).map(l -> l + shift).toArray());
    }

    /** Whether every module runs where that is the likelier choice. */
    boolean isArgmax() {
        return Arrays.stream(logits).allMatch(l -> l == 0);
    }

    /** The least and greatest probability at which a module runs, or the one for all. */
    String describe() {
        String least = probability(Arrays.stream(logits).min().orElseThrow());
        String most = probability(Arrays.stream(logits).max().orElseThrow());
        return least.equals(most) ? "threshold " + least : "thresholds " + least + ".." + most;
    }

    private static String probability(double logit) {
        return String.format(Locale.ROOT, "%.4f", 1 / (1 + Math.exp(-logit)));
    }

    double at(int module) {
        return logits[logits.length == 1 ? 0 : module];
    }

    @Override
    public double[] logits() {
        return logits.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Thresholds t && Arrays.equals(t.logits, logits);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(logits);
    }

    @Override
    public String toString() {
        return Arrays.toString(logits);
    }
}
