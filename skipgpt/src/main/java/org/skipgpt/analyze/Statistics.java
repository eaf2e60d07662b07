package org.skipgpt.analyze;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.skipgpt.report.Measured;

/** Small statistics of measured values. */
final class Statistics {
    private Statistics() {}

    /** Mean and its standard error, {@code sd / sqrt(n)}; NaN of nothing, error NaN of one value, which has none. */
    static Measured mean(DoubleStream values) {
        double[] all = values.toArray();
        double mean = DoubleStream.of(all).average().orElse(Double.NaN);
        double squares = DoubleStream.of(all).map(v -> (v - mean) * (v - mean)).sum();
        double error = all.length < 2 ? Double.NaN : Math.sqrt(squares / (all.length - 1) / all.length);
        return new Measured(mean, error);
    }

    /** The middle of some values, at least one. */
    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    /** Spearman's correlation: Pearson's of the ranks, equals share their mean rank; pairs with a NaN are left out. */
    static double correlation(double[] a, double[] b) {
        int[] whole = IntStream.range(0, a.length)
                .filter(i -> Double.isFinite(a[i]) && Double.isFinite(b[i]))
                .toArray();
        double[] x = ranks(IntStream.of(whole).mapToDouble(i -> a[i]).toArray());
        double[] y = ranks(IntStream.of(whole).mapToDouble(i -> b[i]).toArray());
        double middle = (whole.length + 1) / 2.0;
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (x[i] - middle) * (y[i] - middle);
            xx += (x[i] - middle) * (x[i] - middle);
            yy += (y[i] - middle) * (y[i] - middle);
        }
        return xx == 0 || yy == 0 ? Double.NaN : xy / Math.sqrt(xx * yy);
    }

    private static double[] ranks(double[] values) {
        int[] order = IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> values[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] ranks = new double[values.length];
        for (int from = 0; from < order.length; ) {
            int to = from;
            while (to < order.length && values[order[to]] == values[order[from]]) {
                to++;
            }
            for (int i = from; i < to; i++) {
                ranks[order[i]] = (from + 1 + to) / 2.0;
            }
            from = to;
        }
        return ranks;
    }
}
