package org.skipgpt.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.InFlight;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
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
        return backward(scope, decoder, x, Wanted.text(targets), weight).text();
    }

    /** The same with a teacher beside the text, where there is one. */
    public static Wanted.Loss backward(NDManager scope, Decoder decoder, NDArray x, Wanted wanted, double weight) {
        NDArray end = Gradients.leaf(x); // (N, D)
        end.attach(scope);
        int n = wanted.targets().length;
        NDArray all = scope.create(wanted.targets()); // (N)
        NDArray factor = scope.create((float) (weight / n));
        NDArray share = scope.create((float) wanted.share());
        int chunkRows = scope.getDevice().isGpu() ? GPU_CHUNK : CHUNK;
        double text = 0;
        double teacher = 0;
        for (int from = 0; from < n; from += chunkRows) {
            int to = Math.min(from + chunkRows, n);
            try (NDManager chunk = scope.newSubManager()) {
                NDArray norm = decoder.weights().finalNorm();
                NDArray head = decoder.weights().head();
                NDArray own = part(end, from, to, chunk); // (n, D)
                NDArray next = part(all, from, to, chunk); // (n)
                NDList loss = wanted.teacher().isPresent()
                        ? decoder.program()
                                .callAll(
                                        "distilled_loss",
                                        own,
                                        part(wanted.teacher().get(), from, to, chunk),
                                        next,
                                        factor,
                                        share,
                                        norm,
                                        head)
                        : new NDList(decoder.program().call("loss", own, next, factor, norm, head));
                text += loss.size() == 1 ? loss.get(0).getFloat() : loss.get(1).getFloat();
                teacher += loss.size() == 1 ? 0 : loss.get(2).getFloat();
                Gradients.backward(loss.get(0));
            }
        }
        try (NDArray upstream = Gradients.of(end)) {
            // A closed leaf gives up its gradient, which would otherwise lie there until the step ends.
            end.close();
            Gradients.backward(x, upstream);
        }
        double total = (1 - wanted.share()) * text + wanted.share() * teacher;
        return new Wanted.Loss(text / weight, teacher / weight, total / weight);
    }

    private static NDArray part(NDArray array, int from, int to, NDManager owner) {
        NDArray rows = array.get(from + ":" + to);
        rows.attach(owner);
        return rows;
    }

    /** The packed inputs of some sequences. */
    public static Rows rows(NDManager scope, Decoder decoder, int[][] sequences) {
        return decoder.rows(scope, inputs(sequences));
    }

    /**
     * Mean loss in nats over every next token of some texts, each read alone, since texts have many lengths.
     *
     * @param texts token ids
     * @throws IllegalArgumentException if none has two tokens
     */
    public static double ofTexts(LanguageModel model, int[][] texts, ProgressObserver observer) {
        List<int[][]> single =
                Arrays.stream(texts).map(ids -> new int[][] {ids}).toList();
        return mean(model, single, observer)
                .orElseThrow(
                        () -> new IllegalArgumentException("a loss is measured where a token follows another, but of "
                                + texts.length + " texts none has two tokens"));
    }

    /** Mean loss in nats over every next token of some batches, without gradients; empty where there is none. */
    public static OptionalDouble mean(LanguageModel model, List<int[][]> batches) {
        return mean(model, batches, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static OptionalDouble mean(LanguageModel model, List<int[][]> batches, ProgressObserver observer) {
        long start = System.nanoTime();
        Sum sum = new Sum();
        InFlight.run(model.decoder().weights().manager(), batches, model::logProbabilities, (batch, scores) -> {
            sum.add(scores);
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("loss", sum.batches, batches.size(), "batches", seconds, ""));
        });
        return sum.count == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum.nats / sum.count);
    }

    /** Of all next tokens so far, in their order. */
    private static final class Sum {
        private double nats;
        private long count;
        private int batches;

        void add(float[][] scores) {
            for (float[] sequence : scores) {
                for (float p : sequence) {
                    nats -= p;
                    count++;
                }
            }
            batches++;
        }
    }
}
