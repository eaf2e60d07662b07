package org.skipgpt.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Optional;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Torch;

/**
 * The dense model that a skipping one learns from, if any.
 *
 * <p>Deviation: paper and authors' code learn from the text alone. The dense model's distribution costs one pass without
 * a graph and takes the text's own uncertainty out of the gradient.
 *
 * @param dense its forward pass; none learns from the text alone
 * @param share of the loss that follows it, 0..1
 */
public record Teacher(Optional<Decoder> dense, double share) {
    /** The text alone, as in the paper. */
    public static Teacher none() {
        return new Teacher(Optional.empty(), 0);
    }

    /** A dense model, or the text alone where the share is 0. */
    public static Teacher of(Decoder dense, double share) {
        return share == 0 ? none() : new Teacher(Optional.of(dense), share);
    }

    /**
     * What the rows of a micro-batch are to say.
     *
     * @param scope owner of the teacher's stream
     * @param targets (N) next tokens
     */
    public Wanted wanted(NDManager scope, long[] targets, Rows rows) {
        if (dense.isEmpty()) {
            return Wanted.text(targets);
        }
        try (var off = Torch.gradients(false)) {
            NDArray x = dense.get().forward(rows, LayerPolicy.dense(), Execution.PACKED, Trace.none()); // (N, D)
            x.attach(scope);
            return new Wanted(targets, Optional.of(x), share);
        }
    }
}
