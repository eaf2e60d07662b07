package org.skipgpt.report;

import java.util.Arrays;

/**
 * Repeated measurements of one thing.
 *
 * @param median seconds
 * @param spread half the distance between the quartiles, as a share of the median
 */
public record Times(double median, double spread) {
    /** Of at least one measurement, in seconds. */
    public static Times of(double[] seconds) {
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        double median = at(sorted, 0.5);
        return new Times(median, (at(sorted, 0.75) - at(sorted, 0.25)) / 2 / median);
    }

    private static double at(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int low = (int) Math.floor(place);
        int high = Math.min(low + 1, sorted.length - 1);
        return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
    }
}
