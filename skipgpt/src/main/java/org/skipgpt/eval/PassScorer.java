package org.skipgpt.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.LongStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;

/**
 * Log-likelihoods of encoded pairs by forward passes over many of them; the head runs on the rows that are asked for.
 *
 * <p>What several pairs begin with is computed once: its keys and values serve every continuation in the same pass.
 */
final class PassScorer {
    /** Shared tokens that pay for one more piece. */
    static final int WORTH = 4;

    private final LanguageModel model;
    private final ScoreOptions options;

    PassScorer(LanguageModel model, ScoreOptions options) {
        this.model = model;
        // Who looks ahead decides about a beginning by what follows it, so that texts cannot share one.
        this.options = model.policy().isCausal() ? options : options.withSharing(ScoreOptions.Sharing.NONE);
    }

    /** One value a pair. */
    record Sums(double[] logLikelihoods, boolean[] greedy) {}

    /** Tokens that a pass over some pairs computes. */
    static int tokens(List<PairEncoder.Pair> pairs, ScoreOptions.Sharing sharing) {
        return sharing == ScoreOptions.Sharing.NONE
                ? pairs.stream().mapToInt(pair -> input(pair).length).sum()
                : forest(pairs, sharing).tokens();
    }

    private static PrefixForest forest(List<PairEncoder.Pair> pairs, ScoreOptions.Sharing sharing) {
        List<int[]> inputs = pairs.stream().map(PassScorer::input).toList();
        return PrefixForest.of(inputs, sharing == ScoreOptions.Sharing.PREFIXES ? WORTH : Integer.MAX_VALUE);
    }

    Sums score(List<PairEncoder.Pair> pairs) {
        if (options.sharing() == ScoreOptions.Sharing.NONE) {
            try (InUse.Hold held = model.hold();
                    NDManager scope = model.scope()) {
                int[][] inputs = pairs.stream().map(PassScorer::input).toArray(int[][]::new);
                Rows rows = model.decoder().rows(scope, inputs);
                return sums(scope, rows, pairs, p -> consecutive(rows.starts()[p], inputs[p].length));
            }
        }
        PrefixForest forest = forest(pairs, options.sharing());
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
            Rows rows = forest.isBranching()
                    ? model.decoder().branches(scope, forest.pieces(), forest.parents())
                    : model.decoder().rows(scope, forest.pieces());
            return sums(scope, rows, pairs, p -> forest.rows(p, rows.starts()));
        }
    }

    // The last token predicts nothing that is asked.
    static int[] input(PairEncoder.Pair pair) {
        return Arrays.copyOf(pair.tokens(), pair.tokens().length - 1);
    }

    private static long[] consecutive(int first, int count) {
        return LongStream.range(first, first + (long) count).toArray();
    }

    private Sums sums(NDManager scope, Rows rows, List<PairEncoder.Pair> pairs, IntFunction<long[]> rowsOf) {
        Map<Long, Integer> asked = new LinkedHashMap<>(); // row and target: place in the answer
        List<int[]> places = new ArrayList<>();
        for (int p = 0; p < pairs.size(); p++) {
            int[] tokens = pairs.get(p).tokens();
            int from = pairs.get(p).from();
            long[] own = rowsOf.apply(p);
            int[] at = new int[tokens.length - from];
            for (int t = from; t < tokens.length; t++) {
                Integer place = asked.putIfAbsent(own[t - 1] << 32 | tokens[t], asked.size());
                at[t - from] = place == null ? asked.size() - 1 : place;
            }
            places.add(at);
        }
        int[] of = asked.keySet().stream().mapToInt(key -> (int) (key >>> 32)).toArray();
        NDArray targets = scope.create(
                asked.keySet().stream().mapToLong(key -> key & 0xFFFFFFFFL).toArray());
        NDList found = model.decoder().logLikelihood(stream(scope, rows, of), targets); // (n), (n)
        return summed(places, found.get(0).toFloatArray(), found.get(1).toBooleanArray());
    }

    private NDArray stream(NDManager scope, Rows rows, int[] asked) {
        if (options.sharing() == ScoreOptions.Sharing.NONE) {
            return model.forward(rows, Trace.none())
                    .get(scope.create(Arrays.stream(asked).asLongStream().toArray())); // (n, D)
        }
        int[] wanted = Arrays.stream(asked).distinct().sorted().toArray();
        long[] places = Arrays.stream(asked)
                .mapToLong(row -> Arrays.binarySearch(wanted, row))
                .toArray();
        return model.forward(rows, wanted).get(scope.create(places)); // (n, D)
    }

    private Sums summed(List<int[]> places, float[] values, boolean[] best) {
        double[] sums = new double[places.size()];
        boolean[] greedy = new boolean[places.size()];
        for (int p = 0; p < sums.length; p++) {
            greedy[p] = true;
            for (int place : places.get(p)) {
                sums[p] += rounded(values[place]);
                greedy[p] &= best[place];
            }
            sums[p] = rounded((float) sums[p]);
        }
        return new Sums(sums, greedy);
    }

    private double rounded(float value) {
        return options.rounding() == ScoreOptions.Rounding.FP32 ? value : rounded(value, model.dtype());
    }

    /** The nearest number of a type. */
    static double rounded(float value, Dtype dtype) {
        if (dtype.ofArrays() == Dtype.FP32) {
            return value;
        }
        if (dtype == Dtype.BF16) {
            int bits = Float.floatToRawIntBits(value);
            return Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
        }
        // fp16 keeps 11 significant bits in the range of log-likelihoods
        double step = Math.scalb(1.0, Math.max(Math.getExponent(value), -14) - 10);
        return Math.rint(value / step) * step;
    }
}
