package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * Tokens of several sequences laid one after another without padding.
 *
 * <p>Sequence s owns rows {@code starts[s] .. starts[s+1]-1}. Arrays belong to the scope that made them.
 *
 * @param tokens token id of each row, N
 * @param starts first row of each sequence and N at the end; S+1
 * @param at position of each row in its sequence, N
 * @param ids (N) int64 on the model's device
 * @param offsets (S+1) int64 on the CPU
 * @param positions (N) int64 on the CPU
 * @param cos (N, 1, E) rotary cosines on the model's device
 * @param sin (N, 1, E) rotary sines
 */
public record Rows(
        int[] tokens,
        int[] starts,
        int[] at,
        NDArray ids,
        NDArray offsets,
        NDArray positions,
        NDArray cos,
        NDArray sin) {

    /** How many rows: N. */
    public int size() {
        return tokens.length;
    }

    /** How many sequences: S. */
    public int sequences() {
        return starts.length - 1;
    }

    /** The sequence a row belongs to. */
    public int sequenceOf(int row) {
        int i = java.util.Arrays.binarySearch(starts, row);
        int s = i >= 0 ? i : -i - 2;
        while (starts[s + 1] == row) {
            s++;
        }
        return s;
    }

    static NDArray cpu(NDManager scope, long[] values) {
        if (!scope.getDevice().isGpu()) {
            return scope.create(values);
        }
        NDArray array = scope.newSubManager(Device.cpu()).create(values);
        return array;
    }

    static long[] wide(int[] values) {
        return java.util.Arrays.stream(values).asLongStream().toArray();
    }
}
