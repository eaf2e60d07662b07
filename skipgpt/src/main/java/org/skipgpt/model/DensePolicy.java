package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/** Every module runs for every token. */
record DensePolicy() implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return Decision.all();
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return Optional.of((site, residual, layerInput, token, position) -> 1);
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
