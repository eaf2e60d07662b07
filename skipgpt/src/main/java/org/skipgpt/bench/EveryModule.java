package org.skipgpt.bench;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.Optional;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/**
 * A policy as the published code carries it out: a gate for every row of every module, also where all skip or the module
 * was dropped, and keys and values of every token. Masked, it computes everything.
 */
record EveryModule(LayerPolicy inner) implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        Decision decision = inner.decide(site, residual, layerInput, rows);
        if (!decision.isAll() && !decision.isNone()) {
            return decision;
        }
        float[] gate = new float[rows.size()];
        Arrays.fill(gate, decision.isAll() ? 1 : 0);
        return Decision.gated(residual.getManager(), gate);
    }

    @Override
    public NDArray passing(ModuleSite site, NDArray in, NDArray out, Decision decision) {
        return inner.passing(site, in, out, decision);
    }

    @Override
    public long skipParameters(ModuleSite site) {
        return inner.skipParameters(site);
    }

    @Override
    public boolean remembers() {
        return inner.remembers();
    }

    @Override
    public LayerPolicy growing(int sequences) {
        return new EveryModule(inner.growing(sequences));
    }

    @Override
    public LayerPolicy forked(int... sources) {
        return new EveryModule(inner.forked(sources));
    }

    @Override
    public NDArray leaving(int layer, NDArray in, NDArray out) {
        return inner.leaving(layer, in, out);
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return inner.ofOneRow(kernels);
    }

    @Override
    public LayerPolicy settled() {
        return new EveryModule(inner.settled());
    }

    @Override
    public LayerPolicy withLogits() {
        return new EveryModule(inner.withLogits());
    }

    @Override
    public boolean isCausal() {
        return inner.isCausal();
    }

    @Override
    public LayerPolicy drawn(long seed) {
        return new EveryModule(inner.drawn(seed));
    }

    @Override
    public LayerPolicy core() {
        return inner.core();
    }

    @Override
    public LayerPolicy withCore(LayerPolicy other) {
        return new EveryModule(inner.withCore(other));
    }

    @Override
    public long parameters(ModuleSite site) {
        return inner.parameters(site);
    }

    @Override
    public Identity identity() {
        return Identity.of("every module").with("inner", inner.identity());
    }

    @Override
    public String describe() {
        return inner.describe() + ", every module computed";
    }
}
