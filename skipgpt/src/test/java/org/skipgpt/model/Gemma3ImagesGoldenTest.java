package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** The text's part of a Gemma 3 that looks at images, as two versions of transformers write such folders. */
class Gemma3ImagesGoldenTest {
    private static final Path GOLDEN = Golden.root().resolve("families/gemma3-images");

    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @ValueSource(strings = {"transformers4", "transformers5"})
    void textsHaveTheLogitsOfTransformers(String version) {
        Path path = GOLDEN.resolve(version);
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder folder = HuggingFaceFolder.open(path);
                SafeTensors expected = SafeTensors.open(path.resolve("expected.safetensors"))) {
            DecoderConfig config = ConfigJson.read(folder.config());
            DecoderWeights weights = WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32);
            LanguageModel model = LanguageModel.dense("images", "none", Golden.numbers(64), config, weights);

            float[][] logits = model.logits(Golden.ints(expected, "input_ids.0"))[0];

            assertThat(FamilyGoldenTest.maxDifference(
                            FamilyGoldenTest.flat(logits), Golden.floats(expected, "logits.0")))
                    .isLessThan(TOLERANCE);
            assertThat(config.family()).as("what is saved has no images").isEqualTo("gemma3_text");
            assertThat(ConfigJson.read(ConfigJson.write(config))).isEqualTo(config);
            assertThat(ConfigJson.dropped(folder.config())).isEmpty();
        }
    }

    @Test
    void bothVersionsDescribeTheSameDecoder() {
        assertThat(ConfigJson.read(config())).isEqualTo(ConfigJson.read(Json.object(file("transformers4"))));
    }

    @Test
    void whatIsNotUnderstoodIsRefusedByName() {
        JsonObject outside = config();
        outside.addProperty("audio_config", 1);
        assertThatThrownBy(() -> ConfigJson.read(outside))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("audio_config");
        JsonObject within = config();
        within.getAsJsonObject("text_config").addProperty("model_type", "gemma2");
        assertThatThrownBy(() -> ConfigJson.read(within))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("text_config.model_type");
        JsonObject none = config();
        none.remove("text_config");
        assertThatThrownBy(() -> ConfigJson.read(none))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("text_config");
    }

    private static JsonObject config() {
        return Json.object(file("transformers5"));
    }

    private static Path file(String version) {
        return GOLDEN.resolve(version).resolve("config.json");
    }
}
