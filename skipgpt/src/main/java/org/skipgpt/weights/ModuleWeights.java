package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.skipgpt.torch.TorchProgram;

/**
 * One module's weights, plain or reordered.
 *
 * <p>A CPU kernel copies a plain matrix into its own order at every call, which costs more than the product itself where rows are
 * few. So inference reorders each matrix once, and a plain matrix that nobody was given is then freed; it is made again, bit
 * for bit, when somebody asks.
 */
final class ModuleWeights implements ModuleArrays {
    // A reordered array is opaque, so what is a matrix is noted while arrays are plain.
    private final List<Boolean> matrix;
    private final List<Boolean> freed;
    private final Optional<NDManager> owner;
    private List<NDArray> plain;
    private List<NDArray> reordered = List.of();
    private Optional<TorchProgram> by = Optional.empty();
    private boolean given;
    private boolean changes;

    /** Takes arrays that are nobody else's. */
    ModuleWeights(List<NDArray> weights) {
        this(weights, Optional.empty(), array -> true);
    }

    /**
     * Takes the arrays.
     *
     * @param owner of what is made of them; empty where that is their own
     * @param own which of them are nobody else's, so that they are freed once a reordered copy is there
     */
    ModuleWeights(List<NDArray> weights, Optional<NDManager> owner, Predicate<NDArray> own) {
        this.owner = owner;
        plain = List.copyOf(weights);
        matrix = plain.stream().map(array -> array.getShape().dimension() == 2).toList();
        freed = plain.stream().map(own::test).toList();
    }

    /** The arrays as they were loaded; they stay from now on, since the caller may keep them. */
    @Override
    public synchronized List<NDArray> plain() {
        given = true;
        if (plain.isEmpty()) {
            plain = each(reordered, by.orElseThrow(), "restore");
        }
        return plain;
    }

    @Override
    public WeightLease take(Optional<TorchProgram> reordering) {
        return new WeightLease(reordering.map(this::reordered).orElseGet(this::plain), () -> {});
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
                for (int i = 0; i < plain.size(); i++) {
                    if (matrix.get(i) && freed.get(i)) {
                        plain.get(i).close();
                    }
                }
                plain = List.of();
            }
        }
        return reordered;
    }

    /** Keeps the plain arrays alone. */
    @Override
    public synchronized void changing() {
        plain();
        changes = true;
        for (int i = 0; i < reordered.size(); i++) {
            if (matrix.get(i)) {
                reordered.get(i).close();
            }
        }
        reordered = List.of();
    }

    @Override
    public synchronized boolean isChanging() {
        return changes;
    }

    // A result belongs to the owner of what it was made from, which may be another model's.
    private NDArray owned(NDArray made) {
        owner.ifPresent(made::attach);
        return made;
    }

    // Vectors are the same in both.
    private List<NDArray> each(List<NDArray> from, TorchProgram program, String method) {
        return IntStream.range(0, from.size())
                .mapToObj(i -> matrix.get(i) ? owned(program.call(method, from.get(i))) : from.get(i))
                .toList();
    }
}
