package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.shape.Projection;

/** Settings that other papers heal and learn with. */
class RecoveryTest {
    @Test
    void llmPrunerAndShortenedLlamaHealWithAllSevenMatrices() {
        TuningOptions options = Recovery.LLM_PRUNER.options();

        assertThat(options.lora()).isEqualTo(new LoraConfig(8, 16, 0.05, Set.of(Projection.values())));
        assertThat(options.loraRate().peak()).isEqualTo(1e-4);
        assertThat(options.sequences() * options.loop().accumulation()).isEqualTo(64);
        assertThat(options.length()).isEqualTo(256);
        // two epochs of the 51,760 instructions of alpaca-cleaned
        assertThat(options.loop().steps()).isEqualTo(2 * 51_760 / 64);
    }

    @Test
    void sliceGptHealsWithItsOwnOptimizer() {
        TuningOptions options = Recovery.SLICE_GPT.options();

        assertThat(options.lora()).isEqualTo(new LoraConfig(8, 32, 0.1, Set.of(Projection.values())));
        assertThat(options.loraRate().peak()).isEqualTo(2e-4);
        assertThat(options.loop().beta1()).isEqualTo(0.9);
        assertThat(options.loop().beta2()).isEqualTo(0.95);
        assertThat(options.loop().decay()).isEqualTo(0.01);
    }

    @Test
    void rivalsThatLearnHaveAnAdapterOnQueriesAndValuesAsInThePaper() {
        LoraConfig paper = TuningOptions.paper().jointLora();

        assertThat(paper).isEqualTo(new LoraConfig(16, 32, 0.1, Set.of(Projection.Q, Projection.V)));
        assertThat(TuningOptions.official().jointLora()).isEqualTo(paper);
        assertThat(TuningOptions.workshop().jointLora()).isEqualTo(paper);
        assertThat(TuningOptions.practical().jointLora()).isEqualTo(paper);
    }

    @Test
    void aWideAdapterIsOneWhereverOneIsFresh() {
        TuningOptions wide = TuningOptions.practical().withWideAdapter();

        assertThat(wide.lora()).isEqualTo(new LoraConfig(64, 128, 0, Set.of(Projection.values())));
        assertThat(wide.jointLora()).isEqualTo(wide.lora());
        TuningOptions plain = TuningOptions.practical();
        assertThat(wide.withLora(plain.lora()).withJointLora(plain.jointLora())).isEqualTo(plain);
        assertThat(TuningOptions.practicalJoint().jointLora()).isEqualTo(wide.jointLora());
    }

    @Test
    void dLlmsAuthorsLearnAtOneRateWithoutAScale() {
        TuningOptions options = TuningOptions.dLlm();

        assertThat(options.jointLora().targets()).containsExactlyInAnyOrder(Projection.Q, Projection.K, Projection.V);
        assertThat(options.jointLora().scale()).isEqualTo(1);
        assertThat(options.loraRate()).isEqualTo(options.loop().rate());
        assertThat(options.loop().decay()).isEqualTo(0.02);
        assertThat(options.length()).isEqualTo(1024);
    }
}
