package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * A matrix or vector as it is held.
 *
 * @param array its numbers; empty where it is held in blocks
 * @param blocks empty where it is an array
 */
public record Stored(Optional<NDArray> array, Optional<Blocks> blocks) {
    static Stored of(NDArray array) {
        return new Stored(Optional.of(array), Optional.empty());
    }

    static Stored of(Blocks blocks) {
        return new Stored(Optional.empty(), Optional.of(blocks));
    }

    boolean isMatrix() {
        return blocks.isPresent() || array.orElseThrow().getShape().dimension() == 2;
    }

    /** The numbers as an array: its own, or one that is made of its blocks, whose owner is theirs. */
    NDArray plain() {
        return array.orElseGet(() -> blocks.orElseThrow().widened());
    }
}
