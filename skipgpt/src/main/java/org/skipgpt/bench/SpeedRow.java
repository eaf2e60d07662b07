package org.skipgpt.bench;

import org.skipgpt.report.Times;

/**
 * Times of one phase.
 *
 * @param phase what was done, e.g. {@code "prefill 1 x 1024"}
 * @param dense seconds without skipping
 * @param masked seconds with every module computed and gated and every token's keys and values made, as the published
 *     code does whatever the policy
 * @param packed seconds with skipped work not done
 * @param attentionSkipped share of attention executions skipped in the packed run
 * @param mlpSkipped share of MLP executions skipped
 * @param ideal dense over skipping operations (prefill) or bytes (decode) at these rates; infinite where none of them is left
 * @param denseCacheBytes keys and values held without skipping; 0 in prefill, which holds none
 * @param packedCacheBytes keys and values held with it, and rows that wait for theirs
 */
public record SpeedRow(
        String phase,
        Times dense,
        Times masked,
        Times packed,
        double attentionSkipped,
        double mlpSkipped,
        double ideal,
        long denseCacheBytes,
        long packedCacheBytes) {
    /** Dense over packed median. */
    public double speedup() {
        return dense.median() / packed.median();
    }

    /** Masked over packed median. */
    public double overMasked() {
        return masked.median() / packed.median();
    }

    /** Share of the ideal speed-up that was reached; NaN where that has no bound. */
    public double eta() {
        return Double.isInfinite(ideal) ? Double.NaN : speedup() / ideal;
    }
}
