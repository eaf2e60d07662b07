package org.skipgpt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PackingCosts;
import org.skipgpt.model.WithoutLayer;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;

/** What a benchmark says about its times, and which lengths it takes. */
class BenchmarkResultTest {
    private static final Times STEADY = new Times(0.01, 0.01);
    private static final Times WAVERING = new Times(0.01, 0.06);

    @Test
    void eachOfThreeSpreadsVoidsARun() {
        assertThat(result(true, STEADY, STEADY, STEADY, 1.5).isSteady()).isTrue();
        assertThat(result(true, STEADY, STEADY, STEADY, 1.5).text()).doesNotContain("VOID", "interrupted");
        for (int i = 0; i < 3; i++) {
            Times[] times = {STEADY, STEADY, STEADY};
            times[i] = WAVERING;

            BenchmarkResult result = result(true, times[0], times[1], times[2], 1.5);

            assertThat(result.isSteady()).isFalse();
            assertThat(result.text()).contains("VOID: spread above 5 %").doesNotContain("interrupted");
        }
    }

    @Test
    void anInterruptionIsNoSpread() {
        BenchmarkResult result = result(false, STEADY, STEADY, STEADY, 1.5);

        assertThat(result.isSteady()).isFalse();
        assertThat(result.text()).contains("interrupted").doesNotContain("VOID");
        assertThat(result(false, STEADY, STEADY, WAVERING, 1.5).text()).contains("VOID", "interrupted");
    }

    @Test
    void whereNothingExecutesThereIsNoIdeal() {
        DecoderConfig config = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
        LayerPolicy nothing = ForcedPolicy.uniform(1, 2, 1);
        double ideal = new SpeedIdeal(config, nothing, 4, 4, new double[4]).prefill(16);

        BenchmarkResult result = result(true, STEADY, STEADY, STEADY, ideal);

        assertThat(result.rows().get(0).eta()).isNaN();
        assertThat(result.text()).doesNotContain("Infinity", "NaN").containsPattern("1\\.00x +- +- +1\\.00x");
        assertThat(result(true, STEADY, STEADY, STEADY, 2).text()).contains("   1.00x  2.00x   0.50     1.00x");
    }

    @Test
    void keysOfALayerNobodyAttendsInAreMadeInDecodingUnlessItIsDropped() {
        DecoderConfig config = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
        double[] rates = {1, 1, 0, 0};
        LayerPolicy tokens = ForcedPolicy.uniform(0.5, 2, 1);
        LayerPolicy layers = new WithoutLayer(1);

        double kept = new SpeedIdeal(config, tokens, 4, 4, rates).decode(1, 16);
        double dropped = new SpeedIdeal(config, layers, 4, 4, rates).decode(1, 16);

        long head = 64 * 32;
        long layer = config.attentionParameters() + config.mlpParameters() + 2 * 16 * 16;
        assertThat(dropped).isEqualTo((double) (head + 2 * layer) / (head + layer));
        assertThat(kept).isEqualTo((double) (head + 2 * layer) / (head + layer + 2 * 32 * 16));
        assertThat(new SpeedIdeal(config, tokens, 4, 4, rates).prefill(16))
                .isEqualTo(new SpeedIdeal(config, layers, 4, 4, rates).prefill(16))
                .isEqualTo(2);
    }

    @Test
    void lengthsBeyondTheContextAreAllTold() {
        BenchmarkOptions options = BenchmarkOptions.defaults();

        assertThatCode(() -> options.check(1024)).doesNotThrowAnyException();
        assertThatCode(() -> options.withPrefill(1, 8).withDecode(900, 0).check(512))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> options.check(260))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("260", "1024", "withPrefill", "16", "256", "withDecode");
        assertThatThrownBy(() -> options.check(512))
                .hasMessageContainingAll("512", "1024", "withPrefill")
                .hasMessageNotContaining("withDecode(");
    }

    @Test
    void shortenedLengthsFit() {
        BenchmarkOptions options = BenchmarkOptions.defaults();

        assertThat(options.within(4096)).isEqualTo(options);
        assertThat(options.within(512)).isEqualTo(options.withPrefill(1, 512));
        for (int context = 1; context < 300; context++) {
            int holds = context;
            assertThatCode(() -> options.within(holds).check(holds)).doesNotThrowAnyException();
        }
    }

    private static BenchmarkResult result(boolean complete, Times dense, Times masked, Times packed, double ideal) {
        SpeedRow row = new SpeedRow("prefill 1 x 16", dense, masked, packed, 0.5, 0.5, ideal, 0, 0);
        return new BenchmarkResult(
                "model",
                "policy",
                KvPolicy.KEEP,
                List.of(row),
                PackingCosts.unmeasured(false, 16, 1),
                BenchmarkClock.WALL,
                0.5,
                complete,
                Provenance.of("made up"));
    }
}
