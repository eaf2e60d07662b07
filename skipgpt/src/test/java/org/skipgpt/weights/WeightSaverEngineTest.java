package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.FamilyGoldenTest;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** A saved folder is the model that was saved. */
class WeightSaverEngineTest {
    /** Rounding of matrices to bfloat16, seen in logits of order 10. */
    private static final double BF16 = 1.0;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void savedAndLoadedAgainGivesTheSameLogits(String family, @TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            float[] before = FamilyGoldenTest.flat(model.logits(golden.ids(0))[0]);

            assertThat(FamilyGoldenTest.maxDifference(again(model, Dtype.FP32, folder, golden), before))
                    .isLessThan(1e-5);
            assertThat(FamilyGoldenTest.maxDifference(again(model, Dtype.BF16, folder, golden), before))
                    .isBetween(1e-6, BF16);
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void whatIsWrittenHasTheTensorsThatTransformersWrote(String family, @TempDir Path folder) {
        Path saved = folder.resolve("saved");
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family);
                SafeTensors theirs = SafeTensors.open(
                        Golden.root().resolve("families").resolve(family).resolve("model.safetensors"))) {
            LanguageModel model = golden.model(manager);
            WeightSaver.save(model.config(), model.decoder().weights(), Dtype.FP32, model.tokenizer(), folder, saved);
            try (SafeTensors ours = SafeTensors.open(saved.resolve("model.safetensors"))) {
                assertThat(model.config().parameters())
                        .isEqualTo(model.decoder().weights().all().stream()
                                .mapToLong(array -> array.getShape().size())
                                .sum());
                assertThat(ConfigJson.write(model.config()).has("pad_token_id"))
                        .as("the class's default lies outside a small vocabulary")
                        .isEqualTo(List.of("smollm3", "phi3").contains(family));
                assertThat(ours.names()).containsExactlyInAnyOrderElementsOf(theirs.names());
                for (String name : ours.names()) {
                    assertThat(ours.info(name)).isEqualTo(theirs.info(name));
                    assertThat(FamilyGoldenTest.maxDifference(ours.floats(name), theirs.floats(name)))
                            .as(name)
                            .isLessThan(1e-6);
                }
            }
        }
    }

    @Test
    void neighbouringRotaryPairsBecomeHalves(@TempDir Path folder) {
        DecoderConfig halves = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
        JsonObject json = ConfigJson.write(halves);
        json.addProperty("rope_interleaved", true);
        DecoderConfig pairs = ConfigJson.read(json);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(pairs, manager, Dtype.FP32, 3);
            LanguageModel model = LanguageModel.dense("pairs", "", Golden.numbers(64), pairs, weights);
            LanguageModel misread = LanguageModel.dense("misread", "", Golden.numbers(64), halves, weights);
            int[] ids = {1, 5, 9, 2, 40, 63, 7};
            float[] before = FamilyGoldenTest.flat(model.logits(ids)[0]);

            WeightSaver.save(pairs, weights, Dtype.FP32, model.tokenizer(), folder, folder.resolve("saved"));

            LanguageModel loaded = loaded(folder.resolve("saved"), manager);
            assertThat(loaded.config()).isEqualTo(halves);
            assertThat(FamilyGoldenTest.maxDifference(FamilyGoldenTest.flat(loaded.logits(ids)[0]), before))
                    .isLessThan(1e-6);
            assertThat(FamilyGoldenTest.maxDifference(FamilyGoldenTest.flat(misread.logits(ids)[0]), before))
                    .as("what the order of rows is worth")
                    .isGreaterThan(1e-5);
        }
    }

    private static float[] again(LanguageModel model, Dtype dtype, Path folder, Golden golden) {
        Path saved = folder.resolve(dtype.toString());
        WeightSaver.save(model.config(), model.decoder().weights(), dtype, model.tokenizer(), folder, saved);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel loaded = loaded(saved, manager);
            assertThat(loaded.config()).isEqualTo(model.config());
            return FamilyGoldenTest.flat(loaded.logits(golden.ids(0))[0]);
        }
    }

    private static LanguageModel loaded(Path saved, NDManager manager) {
        try (HuggingFaceFolder read = HuggingFaceFolder.open(saved)) {
            DecoderConfig config = ConfigJson.read(read.config());
            DecoderWeights weights = WeightLoader.load(config, read.tensors(), manager, Dtype.FP32);
            return LanguageModel.dense("again", read.hash(), Golden.numbers(config.vocabulary()), config, weights);
        }
    }
}
