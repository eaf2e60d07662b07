package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import org.skipgpt.shape.ModuleSite;

/** Watches a forward pass from outside; asked for by a call, never a field of a model. */
public interface Trace {
    /** Watches nothing. */
    static Trace none() {
        return new Trace() {};
    }

    /**
     * Called after each module.
     *
     * @param site the module
     * @param before (N, D) stream that entered it
     * @param after (N, D) stream that left it
     * @param decision what was decided
     * @param rows the N rows
     */
    default void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows rows) {}
}
