package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.Rows;

/** Sees every decision of a routed model. */
@FunctionalInterface
public interface GateWatch {
    /** Sees nothing. */
    GateWatch NONE = (site, logits, gate, rows) -> {};

    /**
     * Called once a module.
     *
     * @param logits (N, 2), column 1 = execute
     * @param gate (N)
     */
    void decided(ModuleSite site, NDArray logits, NDArray gate, Rows rows);
}
