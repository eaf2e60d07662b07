package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

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

    /**
     * What leaves a layer, of what entered it and what its modules made of that; by default the latter. A method that weighs a
     * whole layer does so here. Where both modules are constant nothing may be changed.
     *
     * @param in (N, D) stream that entered the layer
     * @param out (N, D) stream behind its MLP
     */
    default NDArray leaving(int layer, NDArray in, NDArray out) {
        return out;
    }

    /** Whether {@link #leaving} weighs whole layers, so that a row's share of a layer is not that of its modules. */
    default boolean weighsLayers() {
        return false;
    }

    /**
     * What leaves a module, of what entered it and what its decision made of that; by default the latter. A method that gives
     * rows that skip something instead of nothing adds it here, to each row of what that row brought alone.
     *
     * @param in (N, D) stream that entered the module
     * @param out (N, D) stream behind it, in which rows that skip are as they were
     */
    default NDArray passing(ModuleSite site, NDArray in, NDArray out, Decision decision) {
        return out;
    }

    /** The same decisions for a while in which nothing learns, so that what they rest on may be copied where it is read fast. */
    default LayerPolicy settled() {
        return this;
    }

    /**
     * The same decisions about one row without arrays, for a session whose tokens Java computes; empty where the policy is to
     * be asked by {@link #decide}, as by default. One that gives them leaves what {@link #passing} and {@link #leaving} get as it is.
     *
     * @param kernels products of one row
     */
    default Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return Optional.empty();
    }

    /**
     * Whether what is decided about a token rests on what was decided about those before it. A growing text is then decided
     * about by {@link #growing} alone.
     */
    default boolean remembers() {
        return false;
    }

    /** The same policy for sequences that begin empty and grow, of which it may remember what it decided. */
    default LayerPolicy growing(int sequences) {
        return this;
    }

    /** The same for sequences that go on from some of those it remembers, which stay as they are. */
    default LayerPolicy forked(int... sources) {
        return this;
    }

    /** The same decisions, each with the router's logits where the policy has routers; may take longer. */
    default LayerPolicy withLogits() {
        return this;
    }

    /**
     * The same policy while weights learn under it: one that draws does so anew in each pass, by the seed alone. Layers that
     * are run twice decide alike.
     */
    default LayerPolicy drawn(long seed) {
        return this;
    }

    /** What decides about the modules that are left: the policy itself, unless it drops modules around another one. */
    default LayerPolicy core() {
        return this;
    }

    /** Another policy in the place of the core; what is dropped around it stays dropped. */
    default LayerPolicy withCore(LayerPolicy other) {
        return other;
    }

    /** Which keys and values exist for skipped tokens. */
    default KvPolicy kvPolicy() {
        return KvPolicy.KEEP;
    }

    /**
     * Whether a token's decision rests on nothing behind it, so that it holds however the text goes on. One that looks ahead
     * scores whole texts only: sessions refuse it.
     */
    default boolean isCausal() {
        return true;
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

    /** Numbers it holds to decide about a module, e.g. of its router; 0 where nothing is learned. */
    default long parameters(ModuleSite site) {
        return 0;
    }

    /** Numbers that a row which skips a module is multiplied with instead; 0 where such rows stay as they are. */
    default long skipParameters(ModuleSite site) {
        return 0;
    }

    /**
     * What a folder must keep to make it again, outermost part first; nothing for one that every folder has a place for.
     *
     * @throws IllegalArgumentException if the policy does not say how it is saved
     */
    default List<SavedPolicy> saved() {
        throw new IllegalArgumentException(
                "the policy \"" + describe() + "\" does not say how it is saved: override saved()" + " in "
                        + getClass().getName() + ", and write a PolicyReader that reads it");
    }

    /** One short phrase, e.g. {@code "dense"} or {@code "routers at 25 %"}. */
    String describe();
}
