package org.skipgpt.model;

import ai.djl.ndarray.NDArray;

/** What one module does with the rows at hand. */
public sealed interface Decision {
    /** Every row executes. */
    static Decision all() {
        return new All();
    }

    /** Every row skips. */
    static Decision none() {
        return new None();
    }

    /** Every row executes. */
    record All() implements Decision {}

    /** Every row skips. */
    record None() implements Decision {}

    /**
     * Each row executes or skips.
     *
     * @param gate (N), 1 executes, 0 skips; fp32; carries the straight-through gradient while routers learn
     */
    record Gated(NDArray gate) implements Decision {}
}
