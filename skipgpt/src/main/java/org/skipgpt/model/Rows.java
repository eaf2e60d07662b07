package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Tokens of several sequences laid one after another without padding.
 *
 * <p>Sequence s owns rows {@code starts[s] .. starts[s+1]-1}. It may continue an earlier sequence: its tokens then see that
 * one's tokens, and those it continues in turn, as their own past; several may continue the same one. Arrays belong to the
 * scope that made them.
 *
 * @param tokens token id of each row, N
 * @param starts first row of each sequence and N at the end; S+1
 * @param at position of each row in its sequence, N
 * @param parents the sequence each one continues, -1 for none; S, or empty where none continues another
 * @param ids (N) int64 where the embedding is
 * @param offsets (S+1) int64 on the CPU; (2, S+1) with the parents below where there are some
 * @param positions (N) int64 on the CPU
 * @param angles rotary angles of each row
 * @param places owners of what passes make of these rows in each layer
 */
public record Rows(
        int[] tokens,
        int[] starts,
        int[] at,
        int[] parents,
        NDArray ids,
        NDArray offsets,
        NDArray positions,
        Angles angles,
        Places places) {

    /** Rotary cosines of a layer: (N, 1, E). */
    public NDArray cos(int layer) {
        return angles.cos(layer);
    }

    /** Signed rotary sines of a layer: (N, 1, E). */
    public NDArray sin(int layer) {
        return angles.sin(layer);
    }

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
        int i = Arrays.binarySearch(starts, row);
        int s = i >= 0 ? i : -i - 2;
        while (starts[s + 1] == row) {
            s++;
        }
        return s;
    }

    /** First rows of sequences and their parents as the compiled methods take them. */
    static NDArray offsets(NDManager scope, long[] starts, int[] parents) {
        if (parents.length == 0) {
            return Torch.onCpu(scope, starts);
        }
        long[] both = Arrays.copyOf(starts, 2 * starts.length);
        for (int s = 0; s < parents.length; s++) {
            both[starts.length + s] = parents[s];
        }
        return Torch.onCpu(scope, both, 2, starts.length);
    }

    static long[] wide(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }
}
