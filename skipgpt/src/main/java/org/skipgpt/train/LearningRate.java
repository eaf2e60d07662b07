package org.skipgpt.train;

/**
 * Learning rate of each optimizer step: linear warm-up, then constant or cosine; the cosine may start over.
 *
 * @param peak highest rate, above 0
 * @param warmup share of all steps spent rising, 0..1
 * @param cosine whether it falls along a cosine after the rise
 * @param floor lowest share of the peak the cosine reaches, 0..1
 * @param cycles equal parts of the run, each with its own warm-up and cosine (SGDR's warm restarts), 1 or more
 */
public record LearningRate(double peak, double warmup, boolean cosine, double floor, int cycles) {
    /** Checks the ranges. */
    public LearningRate {
        if (!(peak > 0) || !(warmup >= 0 && warmup <= 1) || !(floor >= 0 && floor <= 1) || cycles < 1) {
            throw new IllegalArgumentException("learning rate: peak " + peak + " must be above 0, warmup " + warmup
                    + " and floor " + floor + " within 0..1, cycles " + cycles + " at least 1");
        }
    }

    /** The same rate at every step. */
    public static LearningRate constant(double peak) {
        return new LearningRate(peak, 0, false, 1, 1);
    }

    /** A rise over a share of the steps, then a cosine down to 0. */
    public static LearningRate cosine(double peak, double warmup) {
        return new LearningRate(peak, warmup, true, 0, 1);
    }

    /** The same with another lowest share of the peak. */
    public LearningRate withFloor(double share) {
        return new LearningRate(peak, warmup, cosine, share, cycles);
    }

    /** The same, started over so many times. */
    public LearningRate withCycles(int count) {
        return new LearningRate(peak, warmup, cosine, floor, count);
    }

    /**
     * The rate of a step.
     *
     * @param step 0..steps-1
     * @param steps steps in all
     */
    public double at(long step, long steps) {
        long length = Math.max(1, steps / cycles);
        long own = Math.min(step / length, cycles - 1) * length;
        double rise = warmup * length;
        if (step - own < rise) {
            return peak * (step - own + 1) / Math.max(1, rise);
        }
        if (!cosine) {
            return peak;
        }
        double share = Math.min(1, (step - own - rise) / Math.max(1, length - rise));
        return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * share)));
    }
}
