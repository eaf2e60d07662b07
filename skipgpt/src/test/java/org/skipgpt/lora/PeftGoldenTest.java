package org.skipgpt.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Adapter folders of PEFT, both ways, and what adapters compute. */
class PeftGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    private static final double GRADIENT = 1e-5;

    private static final Path PEFT = Golden.root().resolve("peft");

    @Test
    void adapterOfPeftGivesItsLogitsMergedOrNot() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = SafeTensors.open(PEFT.resolve("expected.safetensors"))) {
            LanguageModel model = golden.model(manager);
            LanguageModel adapted =
                    model.withAdapter(PeftFolder.read(PEFT.resolve("adapter"), model.config(), manager));
            LanguageModel merged = Lora.merge(adapted, manager);
            for (int k = 0; k < 2; k++) {
                float[] logits = Golden.floats(expected, "logits." + k);
                assertThat(worst(adapted.logits(golden.ids(k))[0], logits)).isLessThan(TOLERANCE);
                assertThat(worst(merged.logits(golden.ids(k))[0], Golden.floats(expected, "merged_logits." + k)))
                        .isLessThan(TOLERANCE);
                assertThat(worst(model.logits(golden.ids(k))[0], golden.floats("logits." + k)))
                        .as("the base stays as it is")
                        .isLessThan(TOLERANCE);
            }
        }
    }

    @Test
    void aMergedModelAtWorkLeavesTheMatricesItSharesWithItsBase() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            // Large enough to be reordered by the kernels that profit.
            DecoderConfig shape = DecoderConfig.llama(64, 256, 512, 2, 4, 2);
            LanguageModel model = LanguageModel.dense(
                    "base", "", Golden.numbers(64), shape, WeightLoader.random(shape, manager, Dtype.FP32, 3));
            LoraConfig config = LoraConfig.defaults().withTargets(Projection.Q);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, shape, config, 7));
            int[] ids = {1, 2, 3, 4};

            NDManager own = manager.newSubManager();
            float[][] merged = Lora.merge(adapted, own).logits(ids)[0];
            own.close();
            try (NDManager scope = model.scope()) {
                Decoder plain = model.differentiable();
                Rows rows = plain.rows(scope, ids);
                NDArray x = plain.forward(rows, LayerPolicy.dense(), Execution.MASKED, Trace.none());
                float[] after = plain.logits(x).toFloatArray();
                assertThat(worst(merged, after)).isLessThan(1e-4);
            }
            assertThat(model.logits(ids)[0].length).isEqualTo(4);
        }
    }

    @Test
    void mergingKeepsHowDecisionsAreCarriedOut() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, model.config(), LoraConfig.defaults(), 7));

            for (Execution execution : Execution.values()) {
                assertThat(Lora.merge(adapted.withExecution(execution), manager).execution())
                        .isEqualTo(execution);
            }
        }
    }

    @Test
    void gradientsArePefts() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = SafeTensors.open(PEFT.resolve("expected.safetensors"));
                var on = Torch.gradients(true)) {
            LanguageModel model = golden.model(manager);
            Adapter adapter = PeftFolder.read(PEFT.resolve("adapter"), model.config(), manager);
            Lora.parameters(adapter, model.config()).forEach(Gradients::require);
            Decoder decoder = model.withAdapter(adapter).differentiable();
            int[][] ids = {golden.ids(0), golden.ids(1)};

            Rows rows = LanguageLoss.rows(manager, decoder, ids);
            NDArray x = decoder.forward(rows, LayerPolicy.dense(), Execution.MASKED, Trace.none());
            double loss = LanguageLoss.backward(manager, decoder, x, LanguageLoss.targets(ids), 1);

            assertThat(loss).isCloseTo(Golden.floats(expected, "loss")[0], within(1e-5));
            for (Adapter.Key key : Lora.keys(adapter, model.config())) {
                Adapter.Pair pair = adapter.pair(key.layer(), key.projection());
                for (String factor : List.of("A", "B")) {
                    String name = "grad." + PeftFolder.name(key.layer(), key.projection(), factor);
                    float[] own = Gradients.of(factor.equals("A") ? pair.a() : pair.b())
                            .toFloatArray();
                    assertThat(relative(own, Golden.floats(expected, name)))
                            .as(name)
                            .isLessThan(GRADIENT);
                }
            }
        }
    }

    @Test
    void writtenFolderReadsBackBitForBit(@TempDir Path folder) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Path source = PEFT.resolve("adapter");
            Adapter adapter = PeftFolder.read(source, model.config(), manager);

            PeftFolder.write(folder, adapter, PeftFolder.config(source), model.config(), "llama3");

            assertThat(PeftFolder.config(folder)).isEqualTo(PeftFolder.config(source));
            try (SafeTensors ours = SafeTensors.open(folder.resolve("adapter_model.safetensors"));
                    SafeTensors theirs = SafeTensors.open(source.resolve("adapter_model.safetensors"))) {
                assertThat(ours.names()).containsExactlyInAnyOrderElementsOf(theirs.names());
                for (String name : ours.names()) {
                    assertThat(ours.floats(name)).isEqualTo(theirs.floats(name));
                }
            }
            Path config = folder.resolve("adapter_config.json");
            String text = Files.readString(config);
            Files.writeString(config, text.replace("\"bias\"", "\"use_dora\": true,\n  \"bias\""));
            assertThatThrownBy(() -> PeftFolder.read(folder, model.config(), manager))
                    .hasMessageContaining("use_dora")
                    .hasMessageContaining("PeftFolder.apply");
            Files.writeString(config, text.replace("v_proj", "lm_head"));
            assertThatThrownBy(() -> PeftFolder.config(folder))
                    .hasMessageContaining("lm_head")
                    .hasMessageContaining("q_proj");
            Files.writeString(config, text.replace("v_proj", "qkv_proj"));
            assertThatThrownBy(() -> PeftFolder.config(folder))
                    .hasMessageContaining("it has \"qkv_proj\"")
                    .hasMessageContaining("q_proj, k_proj");
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void zeroBIsIdentityAndMergedEqualsUnmergedOnEveryProjection(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            LoraConfig config = LoraConfig.defaults().withRank(3).withTargets(Projection.values());
            Adapter adapter = Lora.init(manager, model.config(), config, 7);
            float[][] dense = model.logits(golden.ids(0))[0];

            assertThat(model.withAdapter(adapter).logits(golden.ids(0))[0]).isDeepEqualTo(dense);

            adapter.pairs().values().forEach(p -> p.b().addi(0.05f));
            LanguageModel adapted = model.withAdapter(adapter);
            float[][] corrected = adapted.logits(golden.ids(0))[0];
            assertThat(worst(corrected, flat(dense))).isGreaterThan(0.01);
            assertThat(worst(Lora.merge(adapted, manager).logits(golden.ids(0))[0], flat(corrected)))
                    .isLessThan(TOLERANCE);
        }
    }

    /** Norm of the difference over the norm of the reference. */
    private static double relative(float[] own, float[] reference) {
        assertThat(own).hasSameSizeAs(reference);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < own.length; i++) {
            difference += Math.pow((double) own[i] - reference[i], 2);
            size += Math.pow(reference[i], 2);
        }
        return Math.sqrt(difference / size);
    }

    static float[] flat(float[][] rows) {
        float[] out = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, out, i * rows[0].length, rows[0].length);
        }
        return out;
    }

    static double worst(float[][] own, float[] expected) {
        float[] flat = flat(own);
        assertThat(flat).hasSameSizeAs(expected);
        double worst = 0;
        for (int i = 0; i < flat.length; i++) {
            worst = Math.max(worst, Math.abs((double) flat[i] - expected[i]));
        }
        return worst;
    }

    @Test
    void whatAKillLeftInAFolderIsWrittenOverAndAnAdapterIsNot(@TempDir Path folder) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            DecoderConfig shape = golden.model(manager).config();
            LoraConfig config = LoraConfig.defaults().withRank(2);
            Adapter adapter = Lora.init(manager, shape, config, 7);
            // the description comes first
            Files.writeString(folder.resolve("adapter_config.json"), "{}");

            PeftFolder.write(folder, adapter, config, shape, "base");

            assertThat(PeftFolder.read(folder, shape, manager).targets()).isEqualTo(config.targets());
            assertThatThrownBy(() -> PeftFolder.write(folder, adapter, config, shape, "base"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("adapter_model.safetensors");
            Files.move(folder.resolve("adapter_model.safetensors"), folder.resolve("adapter_model.bin"));
            assertThatThrownBy(() -> PeftFolder.write(folder, adapter, config, shape, "base"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("adapter_model.bin");
        }
    }
}
