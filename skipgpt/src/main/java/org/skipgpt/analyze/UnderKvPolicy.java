package org.skipgpt.analyze;

import ai.djl.ndarray.NDArray;
import java.util.Optional;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/** The decisions of a policy under another K/V policy, to measure what the difference costs. */
record UnderKvPolicy(LayerPolicy inner, KvPolicy kvPolicy) implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return inner.decide(site, residual, layerInput, rows);
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
        return new UnderKvPolicy(inner.growing(sequences), kvPolicy);
    }

    @Override
    public LayerPolicy forked(int... sources) {
        return new UnderKvPolicy(inner.forked(sources), kvPolicy);
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
        return new UnderKvPolicy(inner.settled(), kvPolicy);
    }

    @Override
    public LayerPolicy withLogits() {
        return new UnderKvPolicy(inner.withLogits(), kvPolicy);
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return inner.isConstant(site);
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return inner.isDropped(site);
    }

    @Override
    public boolean isCausal() {
        return inner.isCausal();
    }

    @Override
    public LayerPolicy drawn(long seed) {
        return new UnderKvPolicy(inner.drawn(seed), kvPolicy);
    }

    @Override
    public LayerPolicy core() {
        return inner.core();
    }

    @Override
    public LayerPolicy withCore(LayerPolicy other) {
        return new UnderKvPolicy(inner.withCore(other), kvPolicy);
    }

    @Override
    public long parameters(ModuleSite site) {
        return inner.parameters(site);
    }

    @Override
    public Identity identity() {
        return Identity.of("under a K/V policy").with("kv", kvPolicy).with("inner", inner.identity());
    }

    @Override
    public String describe() {
        return inner.describe() + " under " + kvPolicy;
    }
}
