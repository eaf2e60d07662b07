package org.skipgpt.bench;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.Optional;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/**
 * A policy as the published code carries it out: a gate for every row of every module, also where all skip or the module
 * was dropped, and keys and values of every token. Masked, it computes everything.
 */
record EveryModule(LayerPolicy rest) implements PolicyAround {
    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new EveryModule(other);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        Decision decision = rest.decide(site, residual, layerInput, rows);
        if (!decision.isAll() && !decision.isNone()) {
            return decision;
        }
        float[] gate = new float[rows.size()];
        Arrays.fill(gate, decision.isAll() ? 1 : 0);
        return Decision.gated(residual.getManager(), gate);
    }

    /** None: what was dropped is computed as well. */
    @Override
    public boolean isDropped(ModuleSite site) {
        return false;
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return false;
    }

    @Override
    public KvPolicy kvPolicy() {
        return KvPolicy.KEEP;
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return rest.ofOneRow(kernels);
    }

    @Override
    public Identity identity() {
        return Identity.of("every module").with("inner", rest.identity());
    }

    @Override
    public String describe() {
        return rest.describe() + ", every module computed";
    }
}
