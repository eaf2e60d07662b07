package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * Arrays for one call of the engine; closing frees those that were made for it.
 *
 * @param arrays in the order of {@link LayerWeights}
 * @param made which of them are freed
 */
public record Lent(List<NDArray> arrays, List<NDArray> made) implements AutoCloseable {
    static Lent kept(List<NDArray> arrays) {
        return new Lent(arrays, List.of());
    }

    @Override
    public void close() {
        made.forEach(NDArray::close);
    }
}
