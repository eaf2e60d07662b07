package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.Map;
import java.util.Set;
import org.skipgpt.shape.Projection;

/**
 * Low-rank corrections of some projections: {@code W x + scale * B A dropout(x)} (Hu et al., LoRA, 2021).
 *
 * @param targets which projections are corrected, the same in every layer
 * @param scale alpha / rank
 * @param pairs for each layer and target its A (rank, inputs) and B (outputs, rank)
 */
public record Adapter(Set<Projection> targets, double scale, Map<Key, Pair> pairs) {
    /** Copies the collections. */
    public Adapter {
        targets = Set.copyOf(targets);
        pairs = Map.copyOf(pairs);
    }

    /** Which matrix of which layer. */
    public record Key(int layer, Projection projection) {}

    /**
     * The two factors of a correction.
     *
     * @param a (rank, inputs)
     * @param b (outputs, rank)
     */
    public record Pair(NDArray a, NDArray b) {}

    /** The factors for one matrix. */
    public Pair pair(int layer, Projection projection) {
        Pair pair = pairs.get(new Key(layer, projection));
        if (pair == null) {
            throw new IllegalArgumentException(
                    "adapter has no " + projection + " in layer " + layer + "; its targets are " + targets);
        }
        return pair;
    }
}
