package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** An adapter beside weights in bf16 is multiplied in bf16 and learns as beside weights in fp32, within what rounding allows. */
class HalfAdapterEngineTest {
    private static final List<String> DOCUMENTS = List.of(
            "5 6 7 8 9 10 11 12", "40 41 42 43 44 45", "9 8 7 6 5 4 3", "21 22 23 24 25 26 27 28 29", "7 7 8 8 9 9");

    private static TrainingLog tuned(LanguageModel model, LoraConfig lora) {
        TuningOptions options = TuningOptions.workshop()
                .withSteps(6)
                .withBatch(2, 8)
                .withHeldOut(0)
                .withLora(lora);
        return Tuning.denseLora(model, DOCUMENTS, options, ProgressObserver.silent())
                .run()
                .log();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen3", "gemma2"})
    void lossesAndGradientsStandBesideThoseOfFp32(String family) {
        LoraConfig all = new LoraConfig(8, 16, 0, Set.of(Projection.values()));
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            TrainingLog whole = tuned(golden.model(manager), all);
            TrainingLog half = tuned(golden.model(manager, Dtype.BF16), all);
            for (String name : List.of("loss", "gradient norm")) {
                double[] expected = whole.column(name);
                double[] found = half.column(name);
                assertThat(found).hasSize(6);
                for (int step = 0; step < 6; step++) {
                    assertThat(found[step])
                            .as(name + " of step " + step)
                            .isNotEqualTo(expected[step])
                            .isCloseTo(expected[step], within(0.02 * expected[step]));
                }
            }
        }
    }
}
