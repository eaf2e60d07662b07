package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import org.skipgpt.report.Identity;

/**
 * The one seam where layers are skipped: dense, static pruning and learned routing are policies over the same forward
 * pass.
 */
public interface LayerPolicy {
    /** Runs every module for every token. */
    static LayerPolicy dense() {
        return new DensePolicy();
    }

    /**
     * Decides for the rows at hand.
     *
     * @param site the module
     * @param residual (N, D) stream that enters the module
     * @param layerInput (N, D) stream that entered the layer
     * @param rows tokens, positions and sequences of the N rows
     */
    Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows);

    /** The same decisions for a while in which nothing learns, so that what they rest on may be copied where it is read fast. */
    default LayerPolicy settled() {
        return this;
    }

    /** The same decisions, each with the router's logits where the policy has routers; may take longer. */
    default LayerPolicy withLogits() {
        return this;
    }

    /** Which keys and values exist for skipped tokens. */
    default KvPolicy kvPolicy() {
        return KvPolicy.KEEP;
    }

    /** Whether no token ever executes this module, so that it needs no cache. */
    default boolean isDropped(ModuleSite site) {
        return false;
    }

    /** Whether all tokens are treated alike here, whatever they are: every one executes this module, or none does. */
    default boolean isConstant(ModuleSite site) {
        return isDropped(site);
    }

    /**
     * All that decides its decisions: results are stored under it, so two policies that decide differently differ here. A
     * policy with weights puts their hash in.
     *
     * <pre>{@code
     * return Identity.of("random skip").with("share", share).with("seed", seed).with("kv", kvPolicy());
     * }</pre>
     */
    Identity identity();

    /** One short phrase, e.g. {@code "dense"} or {@code "routers at 25 %"}. */
    String describe();
}
