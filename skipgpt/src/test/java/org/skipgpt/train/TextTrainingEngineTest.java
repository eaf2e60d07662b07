package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.data.TextFiles;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;
import org.skipgpt.weights.WeightSaver;

/** Files in, a model out, and onwards from a saved model. */
class TextTrainingEngineTest {
    private static final Path WORLD = Path.of(System.getProperty("skipgpt.root"), "datasets", "world");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private final TextTraining options = TextTraining.defaults()
            .withBatch(4, 32)
            .withLoop(TextTraining.defaults().loop().withSteps(30).withRate(LearningRate.constant(5e-3)));

    @Test
    void learnsFromAFolderOfTextAndRecordsThenGoesOnFromTheSavedModel() throws IOException {
        Path texts = corpus();
        Path saved = folder.resolve("saved");
        double reached;
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = random(manager);
            TrainingRun run =
                    options.run(model, TextFiles.of(texts), folder.resolve("first"), ProgressObserver.silent());
            double[] loss = run.log().column("loss");
            reached = run.log().recent("loss", 5);
            assertThat(loss[0]).isGreaterThan(7);
            assertThat(reached).isLessThan(loss[0] - 2);
            assertThat(run.log().column("held-out loss")).isNotEmpty();
            WeightSaver.save(model.config(), model.decoder().weights(), Dtype.FP32, model.tokenizer(), WORLD, saved);
        }
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder read = HuggingFaceFolder.open(saved)) {
            DecoderConfig config = ConfigJson.read(read.config());
            DecoderWeights weights = WeightLoader.load(config, read.tensors(), manager, Dtype.FP32);
            LanguageModel model = LanguageModel.dense("saved", read.hash(), Tokenizers.open(saved), config, weights);
            TrainingRun run =
                    options.run(model, TextFiles.of(texts), folder.resolve("second"), ProgressObserver.silent());
            assertThat(run.log().column("loss")[0]).isBetween(reached - 0.7, reached + 0.7);
            assertThat(run.log().recent("loss", 5)).isLessThan(reached);
        }
    }

    @Test
    void interruptedRunGoesOnToTheSameNumbers() throws IOException {
        Path texts = corpus();
        double[] whole;
        try (NDManager manager = Torch.manager(Device.cpu())) {
            whole = options.run(
                            random(manager), TextFiles.of(texts), folder.resolve("whole"), ProgressObserver.silent())
                    .log()
                    .column("loss");
        }
        Path work = folder.resolve("parts");
        for (int part = 0; part < 2; part++) {
            try (NDManager manager = Torch.manager(Device.cpu())) {
                TrainingRun run = options.run(random(manager), TextFiles.of(texts), work, progress -> {
                    if (progress.done() == 11) {
                        Thread.currentThread().interrupt();
                    }
                });
                assertThat(Thread.interrupted()).isEqualTo(part == 0);
                if (part == 1) {
                    assertThat(run.log().column("loss")).containsExactly(whole);
                }
            }
        }
    }

    @Test
    void tooLittleTextIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("short.txt"), "One line.\n");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            assertThatThrownBy(() -> options.run(
                            random(manager), TextFiles.of(file), folder.resolve("work"), ProgressObserver.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("fewer than two windows of 33");
        }
    }

    private Path corpus() throws IOException {
        Path texts = Files.createDirectories(folder.resolve("texts"));
        StringBuilder plain = new StringBuilder();
        StringBuilder records = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            plain.append("The red kite is lighter than the iron anvil, said Anna to number ")
                    .append(i % 7)
                    .append(".\n");
            records.append("{\"text\": \"Henry has a goat and likes yellow.\"}\n");
        }
        Files.writeString(texts.resolve("a.txt"), plain);
        Files.writeString(texts.resolve("b.jsonl"), records);
        return texts;
    }

    private static LanguageModel random(NDManager manager) {
        var tokenizer = Tokenizers.open(WORLD);
        DecoderConfig shape =
                DecoderConfig.llama(tokenizer.vocabSize(), 32, 48, 2, 4, 2).withMaxPositions(64);
        return LanguageModel.dense("tiny", "", tokenizer, shape, WeightLoader.random(shape, manager, Dtype.FP32, 5));
    }
}
