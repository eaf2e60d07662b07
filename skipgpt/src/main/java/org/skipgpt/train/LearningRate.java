package org.skipgpt.train;

/**
 * Learning rate of each optimizer step: linear warm-up, then constant or cosine.
 *
 * @param peak highest rate, above 0
 * @param warmup share of all steps spent rising, 0..1
 * @param cosine whether it falls along a cosine after the rise
 * @param floor lowest share of the peak the cosine reaches, 0..1
 */
public record LearningRate(double peak, double warmup, boolean cosine, double floor) {
    /** Checks the ranges. */
    public LearningRate {
        if (!(peak > 0) || !(warmup >= 0 && warmup <= 1) || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException("learning rate: peak " + peak + " must be above 0, warmup " + warmup
                    + " and floor " + floor + " within 0..1");
        }
    }

    /** The same rate at every step. */
    public static LearningRate constant(double peak) {
        return new LearningRate(peak, 0, false, 1);
    }

    /** A rise over a share of the steps, then a cosine down to 0. */
    public static LearningRate cosine(double peak, double warmup) {
        return new LearningRate(peak, warmup, true, 0);
    }

    /** The same with another lowest share of the peak. */
    public LearningRate withFloor(double share) {
        return new LearningRate(peak, warmup, cosine, share);
    }

    /**
     * The rate of a step.
     *
     * @param step 0..steps-1
     * @param steps steps in all
     */
    public double at(long step, long steps) {
        double rise = warmup * steps;
        if (step < rise) {
            return peak * (step + 1) / Math.max(1, rise);
        }
        if (!cosine) {
            return peak;
        }
        double share = (step - rise) / Math.max(1, steps - rise);
        return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * share)));
    }
}
