package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.stream.IntStream;
import org.skipgpt.torch.Torch;

/**
 * Some of the rows of a batch, in order: those that execute a module.
 *
 * @param rows which rows, ascending; n
 * @param index the same (n) int64 on the model's device
 * @param offsets where each sequence's part begins; as in {@link Rows}
 * @param positions (n) int64 on the CPU
 */
public record RowSet(int[] rows, NDArray index, NDArray offsets, NDArray positions) {
    /** Every row of a batch; shares its arrays. */
    static RowSet all(NDManager scope, Rows batch) {
        int[] rows = IntStream.range(0, batch.size()).toArray();
        return new RowSet(rows, array(scope, Rows.wide(rows)), batch.offsets(), batch.positions());
    }

    static RowSet of(NDManager scope, Rows batch, int[] rows) {
        long[] offsets = new long[batch.sequences() + 1];
        long[] positions = new long[rows.length];
        int s = 0;
        for (int i = 0; i < rows.length; i++) {
            while (batch.starts()[s + 1] <= rows[i]) {
                offsets[++s] = i;
            }
            positions[i] = batch.at()[rows[i]];
        }
        while (s < batch.sequences()) {
            offsets[++s] = rows.length;
        }
        return new RowSet(
                rows,
                array(scope, Rows.wide(rows)),
                Rows.offsets(scope, offsets, batch.parents()),
                Torch.onCpu(scope, positions));
    }

    private static NDArray array(NDManager scope, long[] values) {
        return scope.create(values, new Shape(values.length));
    }
}
