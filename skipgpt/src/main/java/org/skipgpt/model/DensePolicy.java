package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/** Every module runs for every token. */
record DensePolicy() implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return Decision.all();
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return true;
    }

    @Override
    public Identity identity() {
        return Identity.of("dense").formerly("dense KEEP");
    }

    @Override
    public List<SavedPolicy> saved() {
        return List.of();
    }

    @Override
    public String describe() {
        return "dense";
    }
}
