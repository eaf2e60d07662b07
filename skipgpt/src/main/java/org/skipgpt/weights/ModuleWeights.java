package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
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
    private final List<Stored> stored;
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
        stored = List.of();
    }

    private ModuleWeights(Optional<NDManager> owner, List<Stored> held) {
        this.owner = owner;
        plain = List.of();
        matrix = held.stream().map(Stored::isMatrix).toList();
        // blocks stay, and so do arrays beside them
        freed = held.stream().map(one -> one.blocks().isPresent()).toList();
        stored = held;
    }

    /** Takes what is nobody else's, some of it in blocks. */
    static ModuleWeights of(List<Stored> held) {
        return held.stream().noneMatch(one -> one.blocks().isPresent())
                ? new ModuleWeights(
                        held.stream().map(one -> one.array().orElseThrow()).toList())
                : new ModuleWeights(Optional.empty(), List.copyOf(held));
    }

    /** As they are held; what is not in blocks stays from now on. */
    @Override
    public synchronized List<Stored> stored() {
        return isInBlocks() ? stored : plain().stream().map(Stored::of).toList();
    }

    /** Whether some of them are blocks, whatever else was made of them. */
    @Override
    public boolean isInBlocks() {
        return !stored.isEmpty();
    }

    /** Bytes of its blocks. */
    @Override
    public long blockBytes() {
        return stored.stream()
                .flatMap(one -> one.blocks().stream())
                .mapToLong(Blocks::size)
                .sum();
    }

    /** The arrays for one call: those that are kept where there are some, else blocks widened for it. */
    @Override
    public synchronized WeightLease take(Optional<TorchProgram> reordering) {
        if (!isInBlocks() || given) {
            return new WeightLease(reordering.map(this::reordered).orElseGet(this::plain), () -> {});
        }
        List<NDArray> arrays = new ArrayList<>();
        List<NDArray> made = new ArrayList<>();
        for (Stored one : stored) {
            NDArray array = one.plain();
            if (one.blocks().isPresent()) {
                NDArray wide = array;
                array = reordering.map(kernels -> kernels.call("reorder", wide)).orElse(wide);
                if (array != wide) {
                    wide.close();
                }
                made.add(array);
            }
            arrays.add(array);
        }
        return new WeightLease(arrays, () -> made.forEach(NDArray::close));
    }

    /** The arrays as they were loaded; they stay from now on, since the caller may keep them. */
    @Override
    public synchronized List<NDArray> plain() {
        given = true;
        if (plain.isEmpty() && isInBlocks() && reordered.isEmpty()) {
            plain = stored.stream().map(Stored::plain).toList();
        } else if (plain.isEmpty()) {
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
            if (isInBlocks()) {
                plain();
            }
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
        if (isInBlocks()) {
            throw new IllegalStateException("weights in blocks of 8 or 4 bits are for inference and cannot be trained:"
                    + " load the model as fp32 or bf16, or tune routers or an adapter, which leave them as they are");
        }
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
