package org.skipgpt.kernel.magic;

import java.util.Arrays;
import java.util.Locale;

/**
 * Wall times of repeated runs.
 *
 * @param medianNanos the middle run
 * @param minNanos the fastest run
 * @param maxNanos the slowest run
 * @param runs how many were measured, after one that was not
 */
public record Bench(long medianNanos, long minNanos, long maxNanos, int runs) {
    /** Code that may throw. */
    @FunctionalInterface
    public interface Body {
        /** Runs once. */
        void run() throws Exception;
    }

    /** Runs a body once to warm up, then several times; stops between runs where the thread is interrupted. */
    public static Bench measure(int runs, Body body) throws Exception {
        if (runs < 1) {
            throw new IllegalArgumentException(runs + " runs are not possible: expected at least 1");
        }
        body.run();
        long[] nanos = new long[runs];
        for (int i = 0; i < runs; i++) {
            if (Thread.interrupted()) {
                throw new InterruptedException("interrupted after " + i + " runs");
            }
            long start = System.nanoTime();
            body.run();
            nanos[i] = System.nanoTime() - start;
        }
        Arrays.sort(nanos);
        return new Bench(nanos[runs / 2], nanos[0], nanos[runs - 1], runs);
    }

    @Override
    public String toString() {
        return "median " + seconds(medianNanos) + " (" + seconds(minNanos) + " to " + seconds(maxNanos) + ", " + runs
                + " runs)";
    }

    /** A duration with a fitting unit. */
    static String seconds(long nanos) {
        if (nanos < 1_000_000) {
            return String.format(Locale.ROOT, "%.1f us", nanos / 1e3);
        }
        return nanos < 1_000_000_000
                ? String.format(Locale.ROOT, "%.1f ms", nanos / 1e6)
                : String.format(Locale.ROOT, "%.2f s", nanos / 1e9);
    }
}
