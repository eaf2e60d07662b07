package org.skipgpt.route;

import java.util.Arrays;

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
