package org.skipgpt.model;

import java.util.Arrays;

/** The most likely tokens among all of a vocabulary, without boxes: equals in order of their ids, as a stable sort has them. */
final class LikelyTokens {
    private LikelyTokens() {}

    /** The ids of the k largest weights, ascending; of equals the first ids. */
    static int[] largest(double[] weights, int k) {
        double least = largestAt(weights.clone(), k - 1);
        int above = 0;
        for (double w : weights) {
            above += w > least ? 1 : 0;
        }
        int[] ids = new int[k];
        int equals = k - above;
        for (int i = 0, n = 0; n < k; i++) {
            if (weights[i] > least || (weights[i] == least && equals-- > 0)) {
                ids[n++] = i;
            }
        }
        return ids;
    }

    /** The value that would be at a place if the values were sorted, largest first (Hoare, 1961); mixes the array. */
    private static double largestAt(double[] values, int place) {
        int from = 0;
        int to = values.length - 1;
        while (from < to) {
            double pivot = values[(from + to) >>> 1];
            int i = from;
            int j = to;
            while (i <= j) {
                while (values[i] > pivot) {
                    i++;
                }
                while (values[j] < pivot) {
                    j--;
                }
                if (i <= j) {
                    double moved = values[i];
                    values[i++] = values[j];
                    values[j--] = moved;
                }
            }
            if (place <= j) {
                to = j;
            } else if (place >= i) {
                from = i;
            } else {
                break;
            }
        }
        return values[place];
    }

    /**
     * Ids by weight, largest first, equals by id.
     *
     * @param ids ascending
     * @param z logits, of which weights are a function that never falls
     */
    static int[] sorted(int[] ids, float[] z, double[] weights) {
        long[] keys = new long[ids.length];
        for (int i = 0; i < keys.length; i++) {
            int bits = Float.floatToIntBits(z[ids[i]]);
            int falling = ~(bits ^ ((bits >> 31) & Integer.MAX_VALUE));
            keys[i] = ((long) falling << 32) | ids[i];
        }
        Arrays.sort(keys);
        int[] out = new int[keys.length];
        for (int i = 0; i < keys.length; i++) {
            out[i] = (int) keys[i];
        }
        int from = 0;
        for (int to = 1; to <= out.length; to++) {
            if (to == out.length || weights[out[to]] != weights[out[from]]) {
                Arrays.sort(out, from, to); // different logits may have the same weight
                from = to;
            }
        }
        return out;
    }
}
