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

    float[] penalised(float[] logits) {
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
        double[] weights = weights(z);
        int[] candidates = candidates(z, weights);
        double left = random.nextDouble() * sum(candidates, weights);
        for (int id : candidates) {
            left -= weights[id];
            if (left < 0) {
                return id;
            }
        }
        return candidates[candidates.length - 1];
    }

    /** Probabilities but for a factor; the largest is 1. */
    double[] weights(float[] z) {
        double max = z[Logits.best(z)];
        double[] weights = new double[z.length];
        for (int i = 0; i < z.length; i++) {
            double w = Math.exp((z[i] - max) / options.temperature());
            weights[i] = w >= 0 ? w : 0; // NaN has no place in an order
        }
        return weights;
    }

    /** The tokens to draw among: all in order of their ids, or those that top-k and top-p leave, most likely first. */
    int[] candidates(float[] z, double[] weights) {
        if (options.topK() == 0) {
            boolean all = options.topP() == 1;
            return all ? IntStream.range(0, weights.length).toArray() : nucleus(z, weights);
        }
        int k = Math.min(options.topK(), weights.length);
        int[] byWeight = LikelyTokens.sorted(LikelyTokens.largest(weights, k), z, weights);
        return reaching(options.topP() * sum(byWeight, weights), byWeight, weights);
    }

    // Only tokens that can be in it are sorted; all are where rounding of a sum could decide.
    private int[] nucleus(float[] z, double[] weights) {
        double p = options.topP();
        int[] all = IntStream.range(0, weights.length).toArray();
        double total = sum(all, weights);
        double least = (1 - p) * total / weights.length; // all below it together hold less than 1 - p
        int[] likely = IntStream.of(all).filter(i -> weights[i] >= least).toArray();
        int[] byWeight = LikelyTokens.sorted(likely, z, weights);
        double slack = 2 * weights.length * Math.ulp(total); // between sums in two orders
        int[] few = reaching(p * total - slack, byWeight, weights);
        int[] many = reaching(p * total + slack, byWeight, weights);
        if (few.length == many.length && sum(many, weights) >= p * total + slack) {
            return many;
        }
        int[] allByWeight = LikelyTokens.sorted(all, z, weights);
        return reaching(p * sum(allByWeight, weights), allByWeight, weights);
    }

    private static double sum(int[] ids, double[] weights) {
        double sum = 0;
        for (int id : ids) {
            sum += weights[id];
        }
        return sum;
    }

    /** The first ids that reach a sum together; at least one, and all where they do not. */
    private static int[] reaching(double wanted, int[] ids, double[] weights) {
        double sum = 0;
        int n = 0;
        while (n < ids.length && (n == 0 || sum < wanted)) {
            sum += weights[ids[n++]];
        }
        return Arrays.copyOf(ids, n);
    }
}
