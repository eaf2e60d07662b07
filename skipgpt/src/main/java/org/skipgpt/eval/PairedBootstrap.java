package org.skipgpt.eval;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * How far the difference of two means over the same units may be chance: units are drawn again with replacement, within
 * each group, and the groups' means averaged (Efron and Tibshirani, 1993, percentile intervals).
 *
 * @param difference first minus second, averaged over the groups
 * @param low 2.5 % of the draws lie below
 * @param high 2.5 % of the draws lie above
 * @param p two-sided: twice the share of draws on the rarer side of 0, at least 1 / draws, at most 1
 * @param draws how many
 * @param seed of the draws
 */
public record PairedBootstrap(double difference, double low, double high, double p, int draws, long seed) {
    /**
     * Draws.
     *
     * @param groups differences of each group's units, none empty
     * @param draws how many, at least 40
     */
    public static PairedBootstrap of(List<double[]> groups, int draws, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] drawn = new double[draws];
        for (int d = 0; d < draws; d++) {
            double sum = 0;
            for (double[] group : groups) {
                double inGroup = 0;
                for (int i = 0; i < group.length; i++) {
                    inGroup += group[random.nextInt(group.length)];
                }
                sum += inGroup / group.length;
            }
            drawn[d] = sum / groups.size();
        }
        Arrays.sort(drawn);
        double difference = groups.stream()
                .mapToDouble(group -> Arrays.stream(group).average().orElse(Double.NaN))
                .average()
                .orElse(Double.NaN);
        long below = Arrays.stream(drawn).filter(value -> value <= 0).count();
        long above = Arrays.stream(drawn).filter(value -> value >= 0).count();
        double p = Math.min(1, Math.max(1.0 / draws, 2.0 * Math.min(below, above) / draws));
        int tail = (int) Math.floor(0.025 * draws);
        return new PairedBootstrap(difference, drawn[tail], drawn[draws - 1 - tail], p, draws, seed);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "difference %.4f, 95 %% interval %.4f..%.4f, p = %.4g (%d draws, seed %d)",
                difference,
                low,
                high,
                p,
                draws,
                seed);
    }
}
