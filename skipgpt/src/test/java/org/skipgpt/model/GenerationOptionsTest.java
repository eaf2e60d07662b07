package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What options of generation are refused. */
class GenerationOptionsTest {
    private static final GenerationOptions PLAIN = GenerationOptions.defaults();

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, 1e-50, Double.MIN_VALUE, 1e-31, 1e31, 1e300, Double.POSITIVE_INFINITY, Double.NaN})
    void factorsThatMakeLogitsInfiniteAreRefused(double value) {
        assertThatThrownBy(() -> PLAIN.withRepetitionPenalty(value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("repetitionPenalty " + value)
                .hasMessageContaining("1e-30..1e30");
        if (value != 0) {
            assertThatThrownBy(() -> PLAIN.withTemperature(value))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("temperature " + value)
                    .hasMessageContaining("1e-30..1e30");
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-30, 1e30})
    void theSmallestAndLargestFactorsKeepLogitsFinite(double value) {
        float[] logits = {3, -2, 1e4f, -1e4f, 0.5f, 0};
        GenerationOptions options = PLAIN.withRepetitionPenalty(value).withTemperature(value);
        Sampler sampler = new Sampler(options, 0, new int[] {0, 1, 2, 3});

        for (int t = 0; t < 20; t++) {
            assertThat(sampler.next(logits)).isBetween(0, 5);
        }
        for (float z : sampler.penalised(logits)) {
            assertThat(z).isFinite();
        }
    }

    @Test
    void allFaultsAreToldAtOnce() {
        assertThatThrownBy(() -> new GenerationOptions(-1, 1e-50, -2, 0, 0, 0, List.of(""), true, -3))
                .hasMessageContainingAll(
                        "maxTokens -1",
                        "temperature 1.0E-50",
                        "topK -2",
                        "topP 0.0",
                        "repetitionPenalty 0.0",
                        "context -3",
                        "a stop text is empty");
    }
}
