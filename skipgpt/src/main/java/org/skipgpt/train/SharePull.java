package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Map;
import java.util.Optional;

/** How far thresholds rise with the share that a step asks for, where steps ask for different ones. */
final class SharePull {
    /** Logits a unit of share at the first step: five times the cost a token at the end of a range of 0.4, about. */
    private static final double FIRST = 8;
    /** Logits a unit of share, a unit of T - r times the distance from the middle. */
    private static final double GAIN = 20;

    private final Optional<TargetSchedule.Range> range;
    private final NDArray missed; // sum over steps of (T - r) (T - middle)

    private SharePull(Optional<TargetSchedule.Range> range, NDArray missed) {
        this.range = range;
        this.missed = missed;
    }

    static SharePull of(TargetSchedule schedule, NDManager owner) {
        Optional<TargetSchedule.Range> range =
                schedule instanceof TargetSchedule.Range own ? Optional.of(own) : Optional.empty();
        return new SharePull(range, owner.zeros(new Shape()));
    }

    /** What a saved run keeps of it. */
    Map<String, NDArray> state() {
        return range.isPresent() ? Map.of("budget.slope", missed) : Map.of();
    }

    /** Logits by which thresholds rise at a share; 0 where all steps ask for one. */
    double shift(double share) {
        return range.map(r -> (FIRST + GAIN * missed.getFloat()) * r.fromMiddle(share))
                .orElse(0.0);
    }

    /** By how much a step that asked for a share fell short of it. */
    void missed(double share, double missing) {
        range.ifPresent(r -> missed.addi((float) (missing * r.fromMiddle(share))));
    }
}
