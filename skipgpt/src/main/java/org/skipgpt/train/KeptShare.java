package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Dialled;
import org.skipgpt.route.RoutingTrace;

/**
 * Keeps the share that frozen routers skip while an adapter changes the stream they read.
 *
 * <p>All thresholds stand {@code s} logits above where they began, and after each step
 * {@code s += GAIN (share at the beginning - r)}. Deviation: paper and authors' code let the share drift; a loss that asks
 * for good predictions alone pulls the stream to where routers execute more.
 */
final class KeptShare {
    // Logits a step and unit of missing share: a share 5 points short moves the thresholds by a tenth of a logit.
    private static final double GAIN = 2;

    private final LayerPolicy policy;
    private final Dialled begun;
    private final double share;
    private final float[] weights;
    private final NDArray shift; // s

    private KeptShare(LayerPolicy policy, Dialled begun, double share, float[] weights, NDArray shift) {
        this.policy = policy;
        this.begun = begun;
        this.share = share;
        this.weights = weights;
        this.shift = shift;
    }

    /**
     * Measures what is skipped now.
     *
     * @param owner of the shift
     * @param model under routers
     * @param budget what is counted
     * @param texts sequences the share is taken over
     */
    static KeptShare of(NDManager owner, LanguageModel model, Budget budget, int[][] texts) {
        RoutingTrace trace = RoutingTrace.of(model, texts);
        double share = budget.rate(model.config(), trace);
        Dialled begun = (Dialled) model.policy().core();
        return new KeptShare(model.policy(), begun, share, budget.weights(model.config()), owner.zeros(new Shape()));
    }

    /** The share to keep, 0..1. */
    double share() {
        return share;
    }

    /** How far the thresholds stand above where they began, kept in checkpoints. */
    NDArray shift() {
        return shift;
    }

    /** Decisions under the thresholds of now. */
    LayerPolicy policy() {
        return policy.withCore(begun.withThresholds(begun.thresholds().plus(shift.getFloat())));
    }

    /** The share that modules skipped together, as it is counted here; of each its own, in forward order. */
    double counted(double[] skipped) {
        double r = 0;
        for (int m = 0; m < skipped.length; m++) {
            r += weights[m] * skipped[m];
        }
        return r;
    }

    /** Moves the thresholds after a step that skipped a share. */
    void follow(double r) {
        shift.addi((float) (GAIN * (share - r)));
    }
}
