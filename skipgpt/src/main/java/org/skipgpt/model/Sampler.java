package org.skipgpt.model;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Chooses the next token of one sequence from its logits: penalty, temperature, top-k, top-p, in this order. */
final class Sampler {
    private final GenerationOptions options;
    private final SplittableRandom random;
    private final BitSet occurred = new BitSet();

    /**
     * A sampler for one prompt of a batch.
     *
     * @param index place of the prompt in its batch, 0 and more; gives it a stream of draws of its own
     */
    Sampler(GenerationOptions options, int index, int[] prompt) {
        this.options = options;
        this.random = new SplittableRandom(mixed(mixed(options.seed()) + index));
        for (int id : prompt) {
            occurred.set(id);
        }
    }

    // The finalizer of MurmurHash3 (Appleby, 2011). Seeds in steps of the generator's own would give shifted streams.
    private static long mixed(long bits) {
        long z = (bits ^ (bits >>> 33)) * 0xFF51AFD7ED558CCDL;
        z = (z ^ (z >>> 33)) * 0xC4CEB9FE1A85EC53L;
        return z ^ (z >>> 33);
    }

    int next(float[] logits) {
        float[] z = penalised(logits);
        int token = options.temperature() == 0 ? Logits.best(z) : draw(z);
        occurred.set(token);
        return token;
    }

    private float[] penalised(float[] logits) {
        if (options.repetitionPenalty() == 1) {
            return logits;
        }
        float[] z = logits.clone();
        float penalty = (float) options.repetitionPenalty();
        occurred.stream()
                .filter(id -> id < z.length)
                .forEach(id -> z[id] = z[id] > 0 ? z[id] / penalty : z[id] * penalty);
        return z;
    }

    private int draw(float[] z) {
        double max = z[Logits.best(z)];
        double[] weights = new double[z.length];
        for (int i = 0; i < z.length; i++) {
            weights[i] = Math.exp((z[i] - max) / options.temperature());
        }
        boolean all = options.topK() == 0 && options.topP() == 1;
        int[] candidates = all ? IntStream.range(0, z.length).toArray() : candidates(weights);
        double total = IntStream.of(candidates).mapToDouble(i -> weights[i]).sum();
        double left = random.nextDouble() * total;
        for (int id : candidates) {
            left -= weights[id];
            if (left < 0) {
                return id;
            }
        }
        return candidates[candidates.length - 1];
    }

    private int[] candidates(double[] weights) {
        int[] byWeight = IntStream.range(0, weights.length)
                .boxed()
                .sorted((a, b) -> Double.compare(weights[b], weights[a]))
                .mapToInt(Integer::intValue)
                .toArray();
        int kept = options.topK() == 0 ? byWeight.length : Math.min(options.topK(), byWeight.length);
        double total = 0;
        for (int i = 0; i < kept; i++) {
            total += weights[byWeight[i]];
        }
        double sum = 0;
        int n = 0;
        while (n < kept && (n == 0 || sum < options.topP() * total)) {
            sum += weights[byWeight[n++]];
        }
        return Arrays.copyOf(byWeight, n);
    }
}
