package org.skipgpt.analyze;

import java.util.Optional;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.vector.RowKernels;

/** The decisions of a policy under another K/V policy, to measure what the difference costs. */
record UnderKvPolicy(LayerPolicy rest, KvPolicy kvPolicy) implements PolicyAround {
    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new UnderKvPolicy(other, kvPolicy);
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return rest.ofOneRow(kernels);
    }

    @Override
    public Identity identity() {
        return Identity.of("under a K/V policy").with("kv", kvPolicy).with("inner", rest.identity());
    }

    @Override
    public String describe() {
        return rest.describe() + " under " + kvPolicy;
    }
}
