package org.skipgpt.lora;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.skipgpt.model.Adapter;
import org.skipgpt.shape.Projection;

/**
 * Shape of a low-rank adapter: {@code W x + (alpha / rank) B A dropout(x)} (Hu and others, LoRA, 2021).
 *
 * @param rank columns of B, 1 or more
 * @param alpha numerator of the scale, above 0
 * @param dropout share of inputs of A that is zeroed while tuning, 0..1 without 1
 * @param targets which projections are corrected
 */
public record LoraConfig(int rank, double alpha, double dropout, Set<Projection> targets) {
    /** Checks every field; all faults are told at once. */
    public LoraConfig {
        List<String> faults = new ArrayList<>();
        if (rank < 1) {
            faults.add("rank " + rank + " is not allowed: expected 1 or more; use withRank(16)");
        }
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            faults.add("alpha " + alpha + " is not allowed: expected a number above 0; use withAlpha(32)");
        }
        if (!(dropout >= 0 && dropout < 1)) {
            faults.add("dropout " + dropout + " is not allowed: expected 0 up to but not 1; use withDropout(0.1)");
        }
        if (targets.isEmpty()) {
            faults.add("no target: name at least one projection; use withTargets(Q, V, GATE)");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("LoRA: " + String.join("; ", faults));
        }
        // In the enum's order: its text is part of what a run and a study's row are known by, in this process and the
        // next.
        targets = Collections.unmodifiableSet(EnumSet.copyOf(targets));
    }

    /** SkipGPT's second stage: rank 16, alpha 32, dropout 0.1 on query, value and gate. */
    public static LoraConfig defaults() {
        return new LoraConfig(16, 32, 0.1, EnumSet.of(Projection.Q, Projection.V, Projection.GATE));
    }

    /** SkipGPT-Joint and MoD: the same on query and value. */
    public static LoraConfig joint() {
        return defaults().withTargets(Projection.Q, Projection.V);
    }

    /**
     * Rank 64, alpha 128, no dropout, on all seven projections: what a model that skips needs more than the paper's to come back
     * within minutes; docs/recipe.md has the numbers.
     */
    public static LoraConfig wide() {
        return new LoraConfig(64, 128, 0, EnumSet.allOf(Projection.class));
    }

    /** The shape of an adapter at hand, which remembers no dropout. */
    public static LoraConfig of(Adapter adapter) {
        Projection first = adapter.targets().iterator().next();
        int rank = (int) adapter.pair(0, first).a().getShape().get(0);
        return new LoraConfig(rank, adapter.scale() * rank, 0, adapter.targets());
    }

    /** With another rank. */
    public LoraConfig withRank(int other) {
        return new LoraConfig(other, alpha, dropout, targets);
    }

    /** With another alpha. */
    public LoraConfig withAlpha(double other) {
        return new LoraConfig(rank, other, dropout, targets);
    }

    /** With another dropout. */
    public LoraConfig withDropout(double other) {
        return new LoraConfig(rank, alpha, other, targets);
    }

    /** On other projections. */
    public LoraConfig withTargets(Projection... other) {
        return new LoraConfig(rank, alpha, dropout, Set.of(other));
    }

    /** alpha / rank. */
    public double scale() {
        return alpha / rank;
    }
}
