package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** A saved folder is the model that was saved. */
class WeightSaverEngineTest {
    /** Rounding of matrices to bfloat16, seen in logits of order 10. */
    private static final double BF16 = 1.0;

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "llama31", "mistral", "qwen2", "qwen3", "gemma2"})
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

    private static float[] again(LanguageModel model, Dtype dtype, Path folder, Golden golden) {
        Path saved = folder.resolve(dtype.toString());
        WeightSaver.save(model.config(), model.decoder().weights(), dtype, model.tokenizer(), folder, saved);
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder read = HuggingFaceFolder.open(saved)) {
            DecoderConfig config = ConfigJson.read(read.config());
            assertThat(config).isEqualTo(model.config());
            DecoderWeights weights = WeightLoader.load(config, read.tensors(), manager, Dtype.FP32);
            LanguageModel loaded =
                    LanguageModel.dense("again", read.hash(), Golden.numbers(config.vocabulary()), config, weights);
            return FamilyGoldenTest.flat(loaded.logits(golden.ids(0))[0]);
        }
    }
}
