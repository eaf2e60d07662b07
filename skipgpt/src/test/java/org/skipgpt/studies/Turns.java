package org.skipgpt.studies;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/**
 * Times of things that took turns.
 *
 * @param seconds median of each
 * @param spread the largest half quartile distance, as a share of its median
 */
record Turns(double[] seconds, double spread) {
    static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);

    /** Something that takes time: seconds by the clock. */
    @FunctionalInterface
    interface Step {
        double run() throws IOException;
    }

    /** Runs each once for nothing, then all of them in turns. */
    static Turns of(List<Step> steps) throws IOException {
        double[][] seconds = new double[steps.size()][REPEATS];
        for (int i = -1; i < REPEATS; i++) {
            for (int s = 0; s < steps.size(); s++) {
                double spent = steps.get(s).run();
                if (i >= 0) {
                    seconds[s][i] = spent;
                }
            }
        }
        double[] medians = new double[steps.size()];
        double spread = 0;
        for (int s = 0; s < medians.length; s++) {
            double[] sorted = Arrays.stream(seconds[s]).sorted().toArray();
            medians[s] = sorted[REPEATS / 2];
            spread = Math.max(spread, (sorted[3 * REPEATS / 4] - sorted[REPEATS / 4]) / 2 / medians[s]);
        }
        return new Turns(medians, spread);
    }

    double of(int step) {
        return seconds[step];
    }
}
