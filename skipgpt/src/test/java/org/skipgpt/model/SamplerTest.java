package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Draws from given logits. */
class SamplerTest {
    private static final GenerationOptions WARM = GenerationOptions.defaults().withTemperature(1);

    @Test
    void promptsOfABatchDrawIndependently() {
        int steps = 400;
        int tokens = 1000;

        for (long seed : new long[] {0, 1, -7}) {
            for (int other = 1; other <= 8; other++) {
                int[] first = draws(WARM.withSeed(seed), 0, steps, tokens);
                int[] second = draws(WARM.withSeed(seed), other, steps, tokens);
                for (int shift = -16; shift <= 16; shift++) {
                    int equal = 0;
                    for (int t = 16; t < steps - 16; t++) {
                        equal += first[t] == second[t + shift] ? 1 : 0;
                    }
                    // 0.4 of 368 by chance
                    assertThat(equal)
                            .as("seed %d, prompt %d, shift %d", seed, other, shift)
                            .isLessThan(8);
                }
            }
        }
    }

    @Test
    void drawsFollowTheSeedAndThePlaceOnly() {
        assertThat(draws(WARM.withSeed(3), 2, 50, 100)).isEqualTo(draws(WARM.withSeed(3), 2, 50, 100));
        assertThat(draws(WARM.withSeed(3), 2, 50, 100)).isNotEqualTo(draws(WARM.withSeed(4), 2, 50, 100));
        assertThat(draws(WARM.withSeed(3), 2, 50, 100)).isNotEqualTo(draws(WARM.withSeed(4), 1, 50, 100));
    }

    @Test
    void candidatesAreThoseOfAFullSort() {
        SplittableRandom random = new SplittableRandom(11);
        int[] ks = {0, 1, 2, 7, 40, 299, 300, 301, Integer.MAX_VALUE};
        double[] ps = {1e-300, 1e-9, 0.1, 0.25, 0.5, 0.9, 0.99, 1 - 1e-12, Math.nextDown(1.0), 1};
        double[] temperatures = {1e-30, 1e-3, 0.7, 1, 5, 1e9, 1e30};

        int compared = 0;
        for (int round = 0; round < 12; round++) {
            float[] z = logits(random, round, 300);
            for (int k : ks) {
                for (double p : ps) {
                    for (double temperature : temperatures) {
                        GenerationOptions options =
                                WARM.withTemperature(temperature).withTopK(k).withTopP(p);
                        Sampler sampler = new Sampler(options, 0, new int[0]);
                        double[] weights = sampler.weights(z);
                        assertThat(sampler.candidates(z, weights))
                                .as("round %d, %s", round, options)
                                .isEqualTo(fullSort(weights, options));
                        compared++;
                    }
                }
            }
        }
        assertThat(compared).isEqualTo(7560);
    }

    // Ties of several lengths, none, all, far ones, zeros of both signs and tokens that cannot occur.
    private static float[] logits(SplittableRandom random, int round, int n) {
        float[] z = new float[n];
        for (int i = 0; i < n; i++) {
            double normal = random.nextDouble() + random.nextDouble() + random.nextDouble() - 1.5;
            z[i] = switch (round % 6) {
                case 0 -> (float) (8 * normal);
                case 1 -> random.nextInt(5);
                case 2 -> Math.round(8 * normal) / 2f;
                case 3 -> 0.25f;
                case 4 -> (float) (1000 * normal);
                default -> random.nextInt(3) == 0 ? Float.NEGATIVE_INFINITY : random.nextBoolean() ? 0f : -0f;
            };
        }
        return z;
    }

    private static int[] fullSort(double[] weights, GenerationOptions options) {
        int[] ids = IntStream.range(0, weights.length).toArray();
        if (options.topK() == 0 && options.topP() == 1) {
            return ids;
        }
        int[] byWeight = IntStream.of(ids)
                .boxed()
                .sorted((a, b) -> Double.compare(weights[b], weights[a]))
                .mapToInt(Integer::intValue)
                .toArray();
        int kept = options.topK() == 0 ? ids.length : Math.min(options.topK(), ids.length);
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

    private static int[] draws(GenerationOptions options, int index, int steps, int tokens) {
        Sampler sampler = new Sampler(options, index, new int[] {0});
        int[] out = new int[steps];
        Arrays.setAll(out, t -> sampler.next(new float[tokens]));
        return out;
    }
}
