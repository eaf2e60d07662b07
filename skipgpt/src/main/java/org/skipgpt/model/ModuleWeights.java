package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.skipgpt.torch.TorchProgram;

/**
 * One module's weights, plain or reordered.
 *
 * <p>A CPU kernel copies a plain matrix into its own order at every call, which costs more than the product itself where rows are
 * few. So inference reorders each matrix once, and a plain matrix that nobody was given is then freed; it is made again, bit
 * for bit, when somebody asks.
 */
final class ModuleWeights {
    // A reordered array is opaque, so what is a matrix is noted while arrays are plain.
    private final List<Boolean> matrix;
    private List<NDArray> plain;
    private List<NDArray> reordered = List.of();
    private Optional<TorchProgram> by = Optional.empty();
    private boolean given;
    private boolean changes;

    ModuleWeights(List<NDArray> weights) {
        plain = List.copyOf(weights);
        matrix = plain.stream().map(array -> array.getShape().dimension() == 2).toList();
    }

    /** The arrays as they were loaded; they stay from now on, since the caller may keep them. */
    synchronized List<NDArray> plain() {
        given = true;
        if (plain.isEmpty()) {
            plain = each(reordered, by.orElseThrow(), "restore");
        }
        return plain;
    }

    /** The arrays with every matrix in the kernels' order; opaque to all but the given kind of program. */
    synchronized List<NDArray> reordered(TorchProgram program) {
        if (changes) {
            return plain;
        }
        if (reordered.isEmpty()) {
            by = Optional.of(program);
            reordered = each(plain, program, "reorder");
            if (!given) {
                closeMatrices(plain);
                plain = List.of();
            }
        }
        return reordered;
    }

    /** Keeps the plain arrays alone. */
    synchronized void changing() {
        plain();
        changes = true;
        closeMatrices(reordered);
        reordered = List.of();
    }

    synchronized boolean isChanging() {
        return changes;
    }

    // Vectors are the same in both.
    private List<NDArray> each(List<NDArray> from, TorchProgram program, String method) {
        return IntStream.range(0, from.size())
                .mapToObj(i -> matrix.get(i) ? program.call(method, from.get(i)) : from.get(i))
                .toList();
    }

    private void closeMatrices(List<NDArray> arrays) {
        for (int i = 0; i < arrays.size(); i++) {
            if (matrix.get(i)) {
                arrays.get(i).close();
            }
        }
    }
}
