package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * A module's arrays for one call; those that were brought for it may go once it is closed.
 *
 * <p>A graph that needs them for gradients keeps them by itself.
 */
public final class WeightLease implements AutoCloseable {
    private final List<NDArray> arrays;
    private final Runnable end;

    WeightLease(List<NDArray> arrays, Runnable end) {
        this.arrays = arrays;
        this.end = end;
    }

    /** The arrays in the order in which the compiled methods take them. */
    public List<NDArray> arrays() {
        return arrays;
    }

    @Override
    public void close() {
        end.run();
    }
}
