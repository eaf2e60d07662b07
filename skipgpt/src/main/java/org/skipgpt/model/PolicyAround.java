package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import org.skipgpt.shape.ModuleSite;

/**
 * A policy around another one: what it does not say itself is the other's, so that whatever a policy can do passes through.
 *
 * <p>Three things never pass by themselves, since leaving them to the other would hide this one: its identity, its name and how it is
 * saved. Nor does {@link #ofOneRow}, whose answer must be that of {@link #decide}.
 *
 * <pre>{@code
 * record Watched(LayerPolicy rest) implements PolicyAround { ... }
 * }</pre>
 */
public interface PolicyAround extends LayerPolicy {
    /** The policy inside. */
    LayerPolicy rest();

    /** The same around another one. */
    LayerPolicy around(LayerPolicy other);

    @Override
    default Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return rest().decide(site, residual, layerInput, rows);
    }

    @Override
    default NDArray leaving(int layer, NDArray in, NDArray out) {
        return rest().leaving(layer, in, out);
    }

    @Override
    default boolean weighsLayers() {
        return rest().weighsLayers();
    }

    @Override
    default NDArray passing(ModuleSite site, NDArray in, NDArray out, Decision decision) {
        return rest().passing(site, in, out, decision);
    }

    @Override
    default LayerPolicy settled() {
        return around(rest().settled());
    }

    @Override
    default boolean remembers() {
        return rest().remembers();
    }

    @Override
    default LayerPolicy growing(int sequences) {
        return around(rest().growing(sequences));
    }

    @Override
    default LayerPolicy forked(int... sources) {
        return around(rest().forked(sources));
    }

    @Override
    default LayerPolicy withLogits() {
        return around(rest().withLogits());
    }

    @Override
    default LayerPolicy drawn(long seed) {
        return around(rest().drawn(seed));
    }

    @Override
    default LayerPolicy core() {
        return rest().core();
    }

    @Override
    default LayerPolicy withCore(LayerPolicy other) {
        return around(rest().withCore(other));
    }

    @Override
    default KvPolicy kvPolicy() {
        return rest().kvPolicy();
    }

    @Override
    default boolean isCausal() {
        return rest().isCausal();
    }

    @Override
    default boolean isDropped(ModuleSite site) {
        return rest().isDropped(site);
    }

    @Override
    default boolean isConstant(ModuleSite site) {
        return rest().isConstant(site);
    }

    @Override
    default long parameters(ModuleSite site) {
        return rest().parameters(site);
    }

    @Override
    default long skipParameters(ModuleSite site) {
        return rest().skipParameters(site);
    }
}
