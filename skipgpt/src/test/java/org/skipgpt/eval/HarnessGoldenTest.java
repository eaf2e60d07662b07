package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.HuggingFaceTokens;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Log-likelihoods and picks of lm-evaluation-harness 0.4.2 for 60 records a task, zero-shot, two shots, with BOS. */
class HarnessGoldenTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/harness");
    /** fp32 sums of up to a hundred tokens in another order. */
    private static final double TOLERANCE = 1e-4;

    private static NDManager manager;
    private static HuggingFaceFolder folder;
    private static HuggingFaceTokens tokens;
    private static LanguageModel model;

    @BeforeAll
    static void load() {
        manager = Torch.manager(Device.cpu());
        folder = HuggingFaceFolder.open(FOLDER.resolve("model"));
        tokens = HuggingFaceTokens.open(FOLDER.resolve("model/tokenizer.json"));
        DecoderConfig config = ConfigJson.read(folder.config());
        model = LanguageModel.dense(
                "tiny",
                folder.hash(),
                tokens,
                config,
                WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32));
    }

    @AfterAll
    static void free() {
        tokens.close();
        folder.close();
        manager.close();
    }

    @ParameterizedTest
    @CsvSource({
        "openbookqa, test",
        "winogrande, validation",
        "piqa, validation",
        "hellaswag, validation",
        "boolq, validation",
        "arc_easy, test",
        "arc_challenge, test"
    })
    void scoresEqualTheHarness(String task, String split) throws IOException {
        Path questions = FOLDER.resolve("items/" + task + "." + split + ".jsonl");
        Path examples = FOLDER.resolve("items/" + task + ".train.jsonl");
        ScoreOptions bare = ScoreOptions.defaults().withBos(ScoreOptions.Bos.NEVER);
        ScoreOptions marked = ScoreOptions.defaults().withBos(ScoreOptions.Bos.ALWAYS);

        compare(TaskData.read(Tasks.named(task), questions), bare, task + ".0shot");
        compare(TaskData.read(Tasks.named(task), questions, examples, 2), bare, task + ".2shot");
        compare(TaskData.read(Tasks.named(task), questions), marked, task + ".0shot.bos");
    }

    private static void compare(TaskData data, ScoreOptions options, String name) throws IOException {
        List<String> expected = Files.readAllLines(FOLDER.resolve("expected/" + name + ".jsonl"));

        TaskResult result = new Scorer(model, options, ScoreStore.none()).score(data, ProgressObserver.silent());

        assertThat(result.faults()).isEmpty();
        assertThat(result.n()).isEqualTo(expected.size()).isGreaterThanOrEqualTo(50);
        for (int i = 0; i < expected.size(); i++) {
            JsonObject line = JsonParser.parseString(expected.get(i)).getAsJsonObject();
            ItemScore score = result.items().get(i);
            Item item = data.items().get(i);
            if (line.has("context")) {
                assertThat(item.contexts()).containsOnly(line.get("context").getAsString());
            } else {
                assertThat(item.contexts()).isEqualTo(strings(line.getAsJsonArray("contexts")));
            }
            if (line.has("continuations")) {
                assertThat(item.continuations()).isEqualTo(strings(line.getAsJsonArray("continuations")));
            }
            JsonArray scores = line.getAsJsonArray("loglikelihoods");
            for (int c = 0; c < scores.size(); c++) {
                // The harness returns fp32 sums, whose last digit grows with their size.
                double allowed =
                        Math.max(TOLERANCE, 2e-6 * Math.abs(scores.get(c).getAsDouble()));
                assertThat(score.logLikelihoods()[c])
                        .as("%s, record %d, choice %d", name, i, c)
                        .isCloseTo(scores.get(c).getAsDouble(), org.assertj.core.data.Offset.offset(allowed));
                assertThat(score.greedy()[c])
                        .isEqualTo(line.getAsJsonArray("greedy").get(c).getAsBoolean());
            }
            assertThat(score.pick()).isEqualTo(line.get("pick").getAsInt());
            if (line.has("pick_norm")) {
                assertThat(score.pickNorm()).isEqualTo(line.get("pick_norm").getAsInt());
            }
        }
        JsonObject overall = JsonParser.parseString(Files.readString(FOLDER.resolve("expected/results.json")))
                .getAsJsonObject()
                .getAsJsonObject(name);
        assertThat(result.accuracy())
                .isCloseTo(overall.get("acc").getAsDouble(), org.assertj.core.data.Offset.offset(1e-9));
        assertThat(result.standardError(result.accuracy()))
                .isCloseTo(overall.get("acc_stderr").getAsDouble(), org.assertj.core.data.Offset.offset(1e-9));
    }

    private static List<String> strings(JsonArray array) {
        return array.asList().stream().map(one -> one.getAsString()).toList();
    }
}
