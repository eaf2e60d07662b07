package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/** Leaves out one whole layer. */
public record WithoutLayer(int layer) implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return isDropped(site) ? Decision.none() : Decision.all();
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return site.layer() == layer;
    }

    @Override
    public Identity identity() {
        return Identity.of("without layer", this);
    }

    @Override
    public String describe() {
        return "without layer " + layer;
    }
}
