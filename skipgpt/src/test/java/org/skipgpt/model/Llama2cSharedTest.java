package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.io.Llama2cFile;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** Losses and greedy texts of published small models; the numbers come from an independent float32 numpy pass. */
class Llama2cSharedTest {
    @ParameterizedTest
    @CsvSource({
        "stories260K/stories260K.bin, 1.438806",
        "stories260K/stories260K-q80-gs8.bin, 1.438895",
        "llama2xs279K/model.bin, 1.930913"
    })
    void lossesAgree(String file, double expected) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = load(manager, file);
            assertThat(loss(model, stories(model))).isCloseTo(expected, within(1e-4));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "stories260K/stories260K.bin, 4.498, 2.706, 2.164, 2.351, 2.321",
        "llama2xs279K/model.bin, 9.866, 3.016, 2.811, 3.809, 3.303"
    })
    void leavingOutALayerCostsWhatItShould(String file, double a, double b, double c, double d, double e)
            throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = load(manager, file);
            int[][] stories = stories(model);
            double[] expected = {a, b, c, d, e};
            for (int layer = 0; layer < expected.length; layer++) {
                assertThat(loss(model.withPolicy(new WithoutLayer(layer)), stories))
                        .as("without layer %d", layer)
                        .isCloseTo(expected[layer], within(6e-4));
            }
        }
    }

    @Test
    void greedyTextOfStories() {
        assertThat(greedy("stories260K/stories260K.bin"))
                .startsWith(", there was a little girl named Lily. She loved to play outside in the park. One day, she"
                        + " saw a big, red ball. She wanted to play with it, but it was too high.");
    }

    @Test
    void greedyTextOfLlama2xs() {
        assertThat(greedy("llama2xs279K/model.bin"))
                .startsWith(", there was a little girl named Lily. She loved to play outside and came to play with her"
                        + " friends. One day, she went to the park to play with her toys.");
    }

    private static String greedy(String file) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            StringBuilder streamed = new StringBuilder();
            String text = load(manager, file)
                    .generate(GenerationOptions.defaults().withMaxTokens(100), streamed::append, "Once upon a time")
                    .first();
            assertThat(streamed.toString()).isEqualTo(text);
            return text;
        }
    }

    private static double loss(LanguageModel model, int[][] stories) {
        double sum = 0;
        long count = 0;
        for (int from = 0; from < stories.length; from += 25) {
            for (float[] part : model.logProbabilities(Arrays.copyOfRange(stories, from, from + 25))) {
                for (float p : part) {
                    sum -= p;
                    count++;
                }
            }
        }
        return sum / count;
    }

    private static int[][] stories(LanguageModel model) throws IOException {
        List<String> lines = Files.readAllLines(data().resolve("tinystories/valid-v1-head.txt"));
        return lines.stream()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .limit(200)
                .map(line -> model.tokenizer().encodeWithBos(line))
                .map(ids ->
                        Arrays.copyOf(ids, Math.min(ids.length, model.config().maxPositions())))
                .toArray(int[][]::new);
    }

    private static LanguageModel load(NDManager manager, String file) {
        Path path = data().resolve(file);
        assumeTrue(Files.exists(path), () -> "shared data is absent: " + path);
        Tokenizer tokenizer = Tokenizers.open(data().resolve("stories260K/tok512.bin"));
        try (Llama2cFile source = Llama2cFile.open(path)) {
            JsonObject json = source.config();
            json.addProperty("rope_interleaved", source.ropeInterleaved());
            DecoderConfig config = ConfigJson.read(json);
            DecoderWeights weights = WeightLoader.load(config, source, manager, Dtype.FP32);
            return LanguageModel.dense(path.getFileName().toString(), "", tokenizer, config, weights);
        }
    }

    private static Path data() {
        String named = System.getenv("SKIPGPT_SHARED");
        return (named == null ? Path.of("../../shared") : Path.of(named)).resolve("data");
    }
}
