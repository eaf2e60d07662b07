package org.skipgpt.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Dtype;

/** Log-likelihoods of encoded pairs by whole forward passes; the head runs on the rows that are asked for. */
final class PassScorer {
    private final LanguageModel model;
    private final ScoreOptions options;

    PassScorer(LanguageModel model, ScoreOptions options) {
        this.model = model;
        this.options = options;
    }

    /** One value a pair. */
    record Sums(double[] logLikelihoods, boolean[] greedy) {
        ScoreStore.Scores part(int from, int count) {
            return new ScoreStore.Scores(
                    Arrays.copyOfRange(logLikelihoods, from, from + count),
                    Arrays.copyOfRange(greedy, from, from + count));
        }
    }

    Sums score(List<PairEncoder.Pair> pairs) {
        List<int[]> inputs = new ArrayList<>();
        int[] inputOf = new int[pairs.size()];
        Map<List<Integer>, Integer> seen = new HashMap<>();
        for (int p = 0; p < inputOf.length; p++) {
            int[] tokens = pairs.get(p).tokens();
            int[] input = Arrays.copyOf(tokens, tokens.length - 1);
            boolean shared = options.sharing() == ScoreOptions.Sharing.EQUAL_INPUTS;
            List<Integer> key = shared ? Arrays.stream(input).boxed().toList() : List.of(p);
            Integer known = seen.putIfAbsent(key, inputs.size());
            inputOf[p] = known == null ? inputs.size() : known;
            if (known == null) {
                inputs.add(input);
            }
        }
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, inputs.toArray(new int[0][]));
            NDArray x = model.forward(rows, Trace.none()); // (N, D)
            return sums(scope, rows, x, pairs, inputOf);
        }
    }

    private Sums sums(NDManager scope, Rows rows, NDArray x, List<PairEncoder.Pair> pairs, int[] inputOf) {
        int n = pairs.stream()
                .mapToInt(pair -> pair.tokens().length - pair.from())
                .sum();
        long[] asked = new long[n];
        long[] targets = new long[n];
        int at = 0;
        for (int p = 0; p < inputOf.length; p++) {
            PairEncoder.Pair pair = pairs.get(p);
            for (int t = pair.from(); t < pair.tokens().length; t++) {
                asked[at] = rows.starts()[inputOf[p]] + (long) t - 1;
                targets[at++] = pair.tokens()[t];
            }
        }
        NDArray wanted = x.get(scope.create(asked)); // (n, D)
        NDList found = model.decoder().logLikelihood(wanted, scope.create(targets)); // (n), (n)
        float[] values = found.get(0).toFloatArray();
        boolean[] best = found.get(1).toBooleanArray();
        double[] sums = new double[inputOf.length];
        boolean[] greedy = new boolean[inputOf.length];
        at = 0;
        for (int p = 0; p < inputOf.length; p++) {
            greedy[p] = true;
            for (int t = pairs.get(p).from(); t < pairs.get(p).tokens().length; t++) {
                sums[p] += rounded(values[at]);
                greedy[p] &= best[at++];
            }
            sums[p] = rounded((float) sums[p]);
        }
        return new Sums(sums, greedy);
    }

    private double rounded(float value) {
        if (options.rounding() == ScoreOptions.Rounding.FP32 || model.dtype() == Dtype.FP32) {
            return value;
        }
        if (model.dtype() == Dtype.BF16) {
            int bits = Float.floatToRawIntBits(value);
            return Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
        }
        // fp16 keeps 11 significant bits in the range of log-likelihoods
        double step = Math.scalb(1.0, Math.max(Math.getExponent(value), -14) - 10);
        return Math.rint(value / step) * step;
    }
}
