package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Stage 2, frozen routers and peft's adapter, against Python: loss, rate, gradients. */
class StageTwoGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-5;

    private static final int STEPS = 24;

    @ParameterizedTest
    @CsvSource({"paper,false", "paper,true", "official,false", "official,true"})
    @SuppressWarnings("try") // the mode is closed, not used
    void lossRateAndGradientsEqualPython(String preset, boolean recompute) {
        boolean official = preset.equals("official");
        Path folder = Golden.root().resolve("skipgpt").resolve(preset);
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = SafeTensors.open(folder.resolve("stage2.safetensors"));
                SafeTensors stored = SafeTensors.open(folder.resolve("routers.safetensors"));
                var on = Torch.gradients(true)) {
            LanguageModel base = golden.model(manager);
            Routers routers = Routers.load(
                    manager,
                    base.config(),
                    official ? RouterConfig.official() : RouterConfig.defaults(),
                    stored,
                    official ? Routers.ExecuteIndex.ZERO : Routers.ExecuteIndex.ONE);
            Path peft = Golden.root().resolve("peft").resolve("adapter");
            Adapter adapter = PeftFolder.read(peft, base.config(), manager);
            LoraConfig config = PeftFolder.config(peft);
            LanguageModel routed = base.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers))
                    .withAdapter(adapter);
            int[][] ids = {golden.ids(0), golden.ids(1)};

            LoraTuning tuning = new LoraTuning(routed, config, LoopConfig.defaults(), n -> ids, recompute, preset);
            Map<String, Double> row = tuning.backward(manager, 0, 0, 1);

            assertThat(row.get("LM loss")).isCloseTo(Golden.floats(expected, "lm_loss")[0], within(TOLERANCE));
            // The last token of a sequence has nothing to predict, so it is no row here.
            assertThat(row.get("r")).isCloseTo(1 - executed(Golden.ints(expected, "execute"), ids), within(TOLERANCE));
            adapter.pairs().forEach((key, pair) -> {
                compare(Gradients.of(pair.a()).toFloatArray(), expected, key.layer(), key.projection(), "A");
                compare(Gradients.of(pair.b()).toFloatArray(), expected, key.layer(), key.projection(), "B");
            });
        }
    }

    private static void compare(float[] own, SafeTensors expected, int layer, Projection p, String factor) {
        String name = "grad.base_model.model.model.layers." + layer + "." + p.key() + ".lora_" + factor + ".weight";
        float[] reference = Golden.floats(expected, name);
        assertThat(own).hasSameSizeAs(reference);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < own.length; i++) {
            difference += Math.pow((double) own[i] - reference[i], 2);
            size += Math.pow(reference[i], 2);
        }
        assertThat(Math.sqrt(difference / size)).as(name).isLessThan(TOLERANCE);
    }

    private static double executed(int[] execute, int[][] ids) {
        int modules = execute.length / (ids.length * STEPS);
        double sum = 0;
        int count = 0;
        for (int m = 0; m < modules; m++) {
            for (int b = 0; b < ids.length; b++) {
                for (int t = 0; t < ids[b].length - 1; t++) {
                    sum += execute[(m * ids.length + b) * STEPS + t];
                    count++;
                }
            }
        }
        return sum / count;
    }
}
