package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** Configurations as transformers 5 writes and reads them, and the numbers it computes with them. */
class NewerConfigGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    private static final Path FAMILIES = Golden.root().resolve("families");

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void bothVersionsDescribeTheSameDecoder(String family) {
        Path folder = FAMILIES.resolve(family);

        assertThat(ConfigJson.read(Json.object(folder.resolve("transformers5.json"))))
                .isEqualTo(ConfigJson.read(Json.object(folder.resolve("config.json"))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama3-linear",
                "llama31-original-absent",
                "mistral-no-window",
                "mistral-default-window",
                "qwen2-window",
                "qwen3-layer-types",
                "qwen2-default-theta",
                "gemma2-defaults",
                "gemma2-no-caps",
                "gemma3-defaults",
                "gemma3-pattern",
                "gemma3-bases",
                "smollm3-defaults",
                "smollm3-interval",
                "smollm3-window",
                "smollm3-layer-types",
                "phi3-short",
                "phi3-factor",
                "phi3-defaults",
                "olmo2-defaults",
                "olmo2-linear"
            })
    void variantsComputeWhatTransformersDoes(String variant) {
        compare(variant, config(variant));
    }

    @Test
    void aModelOfTheOriginalContextComputesWhatTransformersDoesWithShortTexts() {
        compare("phi3-near", config("phi3-near").withMaxPositions(16));
    }

    private static DecoderConfig config(String variant) {
        return ConfigJson.read(
                Json.object(FAMILIES.resolve("variants").resolve(variant).resolve("config.json")));
    }

    private static void compare(String variant, DecoderConfig config) {
        Path golden = FAMILIES.resolve("variants").resolve(variant);
        String family = variant.substring(0, variant.indexOf('-'));
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder folder = HuggingFaceFolder.open(FAMILIES.resolve(family));
                SafeTensors expected = SafeTensors.open(golden.resolve("expected.safetensors"))) {
            DecoderWeights weights = WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32);
            LanguageModel model =
                    LanguageModel.dense(variant, "none", Golden.numbers(config.vocabulary()), config, weights);

            float[][] logits = model.logits(Golden.ints(expected, "input_ids.0"))[0];

            assertThat(FamilyGoldenTest.maxDifference(
                            FamilyGoldenTest.flat(logits), Golden.floats(expected, "logits.0")))
                    .isLessThan(TOLERANCE);
        }
    }
}
