package org.skipgpt.loss;

import ai.djl.ndarray.NDArray;
import java.util.Optional;

/**
 * What the final stream of some rows is to say: the text's next tokens, or what the dense model says, or both.
 *
 * <p>{@code L = (1 - share) CE(text) + share KL(dense || this)}, in nats a token. The second part is zero where nothing is
 * skipped, so its gradient carries what skipping changes and not what the text leaves open anyway.
 *
 * @param targets (N) next tokens
 * @param teacher (N, D) final stream of the dense model, without a graph; none where share is 0
 * @param share of the loss that follows the teacher, 0..1
 */
public record Wanted(long[] targets, Optional<NDArray> teacher, double share) {
    /** The text's next tokens alone. */
    public static Wanted text(long[] targets) {
        return new Wanted(targets, Optional.empty(), 0);
    }

    /**
     * What a loss came to.
     *
     * @param text cross-entropy of the next tokens, nats a token
     * @param teacher divergence from the dense model's distribution, nats a token; 0 without a teacher
     * @param total what was minimised
     */
    public record Loss(double text, double teacher, double total) {}
}
