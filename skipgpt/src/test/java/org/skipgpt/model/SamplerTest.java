package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
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

    private static int[] draws(GenerationOptions options, int index, int steps, int tokens) {
        Sampler sampler = new Sampler(options, index, new int[] {0});
        int[] out = new int[steps];
        Arrays.setAll(out, t -> sampler.next(new float[tokens]));
        return out;
    }
}
