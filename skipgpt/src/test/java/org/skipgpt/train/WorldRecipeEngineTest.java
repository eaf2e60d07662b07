package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** The two-minute recipe reaches the loss it states, and its folder is a model. */
class WorldRecipeEngineTest {
    private static final Path WORLD = Path.of(System.getProperty("skipgpt.root"), "datasets", "world");

    @Test
    void smallRecipeReachesItsLossAndWritesALoadableFolder(@TempDir Path folder) throws Exception {
        Path out = folder.resolve("model");
        TrainingRun run = WorldRecipe.small().train(WORLD, folder.resolve("work"), out, ProgressObserver.silent());

        assertThat(run.isStopped()).isFalse();
        double held = run.log().recent("held-out loss", 1);
        assertThat(held).isLessThan(WorldRecipe.SMALL_LOSS);
        assertThat(Files.readString(out.resolve("recipe.json"))).contains("\"steps\": " + run.steps());
        assertThat(Files.readAllLines(out.resolve("training.csv"))).hasSizeGreaterThan(10);
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder saved = HuggingFaceFolder.open(out)) {
            DecoderConfig config = ConfigJson.read(saved.config());
            var weights = WeightLoader.load(config, saved.tensors(), manager, Dtype.FP32);
            LanguageModel model = LanguageModel.dense("small", saved.hash(), Tokenizers.open(out), config, weights);
            String text = model.generate("Anna lives in").first();
            assertThat(text).isNotBlank();
        }
    }

    @Test
    void goesOnFromAModelOfItsShapeOnly(@TempDir Path folder) throws Exception {
        WorldRecipe tiny = WorldRecipe.small().withTokens(9_000);
        Path first = folder.resolve("first");
        tiny.train(WORLD, folder.resolve("work"), first, ProgressObserver.silent());
        Path second = folder.resolve("second");

        TrainingRun run = tiny.onwards(first, folder.resolve("more"), second, ProgressObserver.silent());

        assertThat(run.log().recent("loss", 1)).isNotNaN();
        assertThat(Files.readString(second.resolve("recipe.json")))
                .contains("onwards from weights")
                .contains("made by");
        assertThatThrownBy(() ->
                        WorldRecipe.full().onwards(first, folder.resolve("third"), second, ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("give a model that this recipe made");
    }
}
