package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Tasks that are answered in the model's own words. */
class AnswerScorerEngineTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/harness");
    private static final String TASK =
            "{\"name\": \"own\", \"version\": \"1\", \"form\": \"answer\", \"metric\": \"exact_match\","
                    + " \"query\": \"{question}\", \"choices\": [\"{answer}\"],"
                    + " \"answer\": {\"stop\": [\".\"], \"maxTokens\": 8, \"ignoreCase\": true}}";
    private static final List<String> QUESTIONS =
            List.of("Why is the sky", "A cat sat", "Where do people go when the rain comes and the wind blows", "One");

    @Test
    void answersAreThoseOfPlainGenerationOneByOne(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            LanguageModel skipping =
                    model.withPolicy(ForcedPolicy.uniform(0.4, model.config().layers(), 5));
            for (LanguageModel one : List.of(model, skipping)) {
                TaskResult result = new Scorer(one).score(data(folder, one), ProgressObserver.silent());
                assertThat(result.n()).isEqualTo(QUESTIONS.size());
                for (int i = 0; i < result.n(); i++) {
                    assertThat(result.items().get(i).answer()).hasValue(alone(one, QUESTIONS.get(i)));
                }
                // Every second question was given another answer than the model's; an empty one is right nowhere.
                for (int i = 0; i < result.n(); i++) {
                    boolean own = i % 2 == 0 && !alone(one, QUESTIONS.get(i)).isBlank();
                    assertThat(result.isRight(i)).isEqualTo(own);
                }
                assertThat(result.score()).isPositive();
            }
        }
    }

    @Test
    void aStoppedRunGoesOnAndStoredAnswersAreNotMadeAgain(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            TaskData data = data(folder, model);
            Path file = folder.resolve("answers.jsonl");
            TaskResult whole = new Scorer(model).score(data, ProgressObserver.silent());
            try (ScoreStore store = ScoreStore.open(file)) {
                // Room for one question a batch; the run is stopped behind the first.
                ScoreOptions narrow =
                        ScoreOptions.defaults().withBatchTokens(256).withMaxTokens(200);
                Thread.interrupted();
                TaskResult part = new Scorer(model, narrow, store).score(data.first(2), stopping());
                assertThat(Thread.interrupted()).isTrue();
                assertThat(part.isComplete()).isTrue();
            }
            List<String> told = new ArrayList<>();
            try (ScoreStore store = ScoreStore.open(file)) {
                assertThat(store.size()).isEqualTo(2);
                TaskResult rest = new Scorer(model, ScoreOptions.defaults().withMaxTokens(200), store)
                        .score(data, progress -> told.add(progress.done() + " of " + progress.total()));
                assertThat(rest.items().stream().map(ItemScore::answer))
                        .isEqualTo(whole.items().stream().map(ItemScore::answer).toList());
            }
            assertThat(told).containsExactly("2 of 2");
        }
    }

    @Test
    void aQuestionThatLeavesNoRoomLosesItsBeginning(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            TaskData data = data(folder, model);
            TaskResult result = new Scorer(model, ScoreOptions.defaults().withMaxTokens(12), ScoreStore.none())
                    .score(data, ProgressObserver.silent());
            int[] ids = model.tokenizer().encodeWithBos(QUESTIONS.get(2));
            assertThat(result.items().get(2).excess()).containsExactly(ids.length - 4);
            assertThat(result.cut()).isPositive();
            assertThatThrownBy(() -> new Scorer(model, ScoreOptions.defaults().withMaxTokens(8), ScoreStore.none())
                            .score(data, ProgressObserver.silent()))
                    .isInstanceOf(TaskException.class)
                    .hasMessageContaining("answers of up to 8 tokens, but 8 tokens are read at once");
        }
    }

    @Test
    void agreementCountsEqualTextsAndWhoWasRight(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            TaskData data = data(folder, model);
            TaskResult dense = new Scorer(model).score(data, ProgressObserver.silent());
            AnswerAgreement same = AnswerAgreement.of(dense, dense);
            assertThat(same.equal()).isEqualTo(1);
            assertThat(same.similarity()).isEqualTo(1);
            LanguageModel skipping =
                    model.withPolicy(ForcedPolicy.uniform(0.9, model.config().layers(), 5));
            AnswerAgreement other =
                    AnswerAgreement.of(dense, new Scorer(skipping).score(data, ProgressObserver.silent()));
            assertThat(other.equal()).isLessThan(1);
            assertThat(other.similarity()).isBetween(0.0, 0.999);
            assertThat(other.right().onlySecond()).isZero();
            assertThat(other.text()).contains("own, 4 questions");
        }
    }

    private static ProgressObserver stopping() {
        return new ProgressObserver() {
            @Override
            public void progress(Progress progress) {
                Thread.currentThread().interrupt();
            }
        };
    }

    private static String alone(LanguageModel model, String question) {
        return model.generate(GenerationOptions.defaults().withMaxTokens(8).withStop("."), question)
                .first();
    }

    // Half of the questions have the model's own answer as the right one.
    private static TaskData data(Path folder, LanguageModel model) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < QUESTIONS.size(); i++) {
            String answer = i % 2 == 0 ? alone(model, QUESTIONS.get(i)).replaceFirst("^ ", "") : "something else";
            JsonObject line = new JsonObject();
            line.addProperty("question", QUESTIONS.get(i));
            line.addProperty("answer", answer.isBlank() ? "?" : answer);
            lines.append(line).append('\n');
        }
        Path file = folder.resolve("own.jsonl");
        try {
            Files.writeString(file, lines);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return TaskData.read(TaskDescription.fromJson(TASK), file);
    }

    private static LanguageModel model(NDManager manager) {
        try (HuggingFaceFolder folder = HuggingFaceFolder.open(FOLDER.resolve("model"))) {
            DecoderConfig config = ConfigJson.read(folder.config());
            return LanguageModel.dense(
                    "tiny",
                    folder.hash(),
                    Tokenizers.open(FOLDER.resolve("model/tokenizer.json")),
                    config,
                    WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32));
        }
    }
}
