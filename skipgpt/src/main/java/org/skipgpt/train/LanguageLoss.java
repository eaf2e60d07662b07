package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.torch.Gradients;

/**
 * Mean next-token cross-entropy, in nats, computed in chunks of rows so that logits never stand whole in memory.
 *
 * <p>Inputs are all tokens but the last of each sequence, targets all but the first.
 */
public final class LanguageLoss {
    private static final int CHUNK = 512;
    /** On a GPU larger chunks: each is waited for. */
    private static final int GPU_CHUNK = 8192;

    private LanguageLoss() {}

    /** Sequences without their last token. */
    public static int[][] inputs(int[][] sequences) {
        int[][] inputs = new int[sequences.length][];
        for (int s = 0; s < sequences.length; s++) {
            if (sequences[s].length < 2) {
                throw new IllegalArgumentException("a training sequence has " + sequences[s].length
                        + " tokens; a loss needs at least two: drop it or join texts");
            }
            inputs[s] = Arrays.copyOf(sequences[s], sequences[s].length - 1);
        }
        return inputs;
    }

    /** Each row's next token, in the order of the packed rows. */
    public static long[] targets(int[][] sequences) {
        return Arrays.stream(sequences)
                .flatMapToInt(s -> Arrays.stream(s, 1, s.length))
                .asLongStream()
                .toArray();
    }

    /**
     * Computes the loss and sends its gradient back through the graph behind the stream; a head that learns gets its
     * gradient, too.
     *
     * @param x (N, D) final stream
     * @param targets (N) next tokens
     * @param weight factor on the gradient
     * @return the loss in nats a token, without the factor
     */
    public static double backward(NDManager scope, Decoder decoder, NDArray x, long[] targets, double weight) {
        NDArray end = Gradients.leaf(x); // (N, D)
        end.attach(scope);
        NDArray all = scope.create(targets); // (N)
        NDArray factor = scope.create((float) (weight / targets.length));
        int chunkRows = scope.getDevice().isGpu() ? GPU_CHUNK : CHUNK;
        double sum = 0;
        for (int from = 0; from < targets.length; from += chunkRows) {
            int to = Math.min(from + chunkRows, targets.length);
            try (NDManager chunk = scope.newSubManager()) {
                NDArray rows = end.get(from + ":" + to);
                rows.attach(chunk);
                NDArray wanted = all.get(from + ":" + to);
                wanted.attach(chunk);
                NDArray loss = decoder.program()
                        .call(
                                "loss",
                                rows,
                                wanted,
                                factor,
                                decoder.weights().finalNorm(),
                                decoder.weights().head());
                sum += loss.getFloat();
                Gradients.backward(loss);
            }
        }
        try (NDArray upstream = Gradients.of(end)) {
            // A closed leaf gives up its gradient, which would otherwise lie there until the step ends.
            end.close();
            Gradients.backward(x, upstream);
        }
        return sum / weight;
    }

    /** The packed inputs of some sequences. */
    public static Rows rows(NDManager scope, Decoder decoder, int[][] sequences) {
        return decoder.rows(scope, inputs(sequences));
    }

    /** Mean loss in nats over every next token of some batches, without gradients; empty where there is none. */
    static OptionalDouble mean(LanguageModel model, List<int[][]> batches) {
        double sum = 0;
        long count = 0;
        for (int[][] batch : batches) {
            for (float[] sequence : model.logProbabilities(batch)) {
                for (float p : sequence) {
                    sum -= p;
                    count++;
                }
            }
        }
        return count == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / count);
    }
}
