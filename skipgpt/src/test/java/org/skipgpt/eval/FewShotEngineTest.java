package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/** Examples before the questions of the world's tasks, and questions longer than the model reads. */
class FewShotEngineTest {
    private static final Path WORLD =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world");

    @SuppressWarnings("NullAway.Init")
    private static LanguageModel model;

    @BeforeAll
    static void load() {
        Workspace.open("cpu", "fp32");
        model = SkipGpt.load("src/test/resources/golden/harness/model");
    }

    @AfterAll
    static void free() {
        Workspace.current().close();
    }

    private static EvaluationOptions first(int questions) {
        return EvaluationOptions.defaults().withData(WORLD).withFirst(questions);
    }

    @ParameterizedTest
    @CsvSource({
        "openbookqa, 5, 0",
        "winogrande, 5, 5",
        "piqa, 5, 0",
        "hellaswag, 5, 10",
        "boolq, 5, 0",
        "arc_easy, 5, 25",
        "arc_challenge, 5, 25"
    })
    void everyTaskHasItsExamplesBeforeEveryQuestion(String task, int five, int paper) {
        TaskData plain = new Evaluator(model, WORLD, first(0)).data(task);
        assertThat(plain.items()).hasSize(300);

        for (String preset : List.of("5-shot", "paper-shots")) {
            int shots = preset.equals("5-shot") ? five : paper;
            TaskData data = new Evaluator(model, WORLD, first(0).withPreset(preset)).data(task);
            assertThat(data.shots()).isEqualTo(shots);
            assertThat(data.faults()).isEmpty();
            for (Item item : data.items()) {
                Item alone = plain.items().get(item.place());
                for (int i = 0; i < item.pairs(); i++) {
                    String context = item.contexts().get(i);
                    assertThat(context).endsWith(alone.contexts().get(i));
                    assertThat(context.split("\n\n", -1)).hasSize(shots + 1).doesNotHaveDuplicates();
                }
                assertThat(item.continuations()).isEqualTo(alone.continuations());
                assertThat(item.gold()).isEqualTo(alone.gold());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"5-shot", "paper-shots"})
    void aPresetScoresAllSevenTasks(String preset) {
        Evaluation result =
                new Evaluator(model, WORLD, first(1).withPreset(preset)).run(Tasks.PAPER, ProgressObserver.silent());

        assertThat(result.isComplete()).isTrue();
        assertThat(result.tasks()).hasSize(7).allSatisfy(task -> {
            assertThat(task.n()).isOne();
            assertThat(task.faults()).isEmpty();
        });
    }

    @Test
    void aQuestionThatDoesNotFitIsScoredFromItsLastTokensAndCounted() {
        int context = model.config().maxPositions();
        Evaluation result = SkipGpt.evaluate(
                model, List.of("25-shot", "arc_easy", "winogrande", "boolq"), first(2), ProgressObserver.silent());

        for (TaskResult task : result.tasks()) {
            TaskData data = new Evaluator(model, WORLD, first(2).withPreset("25-shot"))
                    .data(task.task().name());
            assertThat(task.n()).isEqualTo(2);
            assertThat(task.cut()).isEqualTo(2);
            for (ItemScore score : task.items()) {
                Item item = data.items().get(score.place());
                for (int i = 0; i < item.pairs(); i++) {
                    int[] all = model.tokenizer()
                            .encodeWithBos(item.contexts().get(i)
                                    + item.continuations().get(i));
                    int before = model.tokenizer().encodeWithBos(item.contexts().get(i)).length;
                    int[] last = Arrays.copyOfRange(all, all.length - context - 1, all.length);
                    assertThat(score.excess()[i]).isEqualTo(all.length - last.length);
                    assertThat(score.logLikelihoods()[i]).isCloseTo(sum(last, all.length - before), within(2e-4));
                }
            }
        }
        assertThat(result.text()).contains("6 questions longer than the model reads");
        assertThat(SkipGpt.evaluate(model, List.of("arc_easy"), first(2), ProgressObserver.silent())
                        .text())
                .doesNotContain("longer than");
    }

    @Test
    void aChoiceLongerThanTheModelReadsIsTheSumOfItsWindows() {
        ScoreOptions few = ScoreOptions.defaults().withMaxTokens(6);
        TaskResult task = SkipGpt.evaluate(model, List.of("piqa"), first(3).withScoring(few), ProgressObserver.silent())
                .tasks()
                .get(0);
        TaskData data = new Evaluator(model, WORLD, first(3)).data("piqa");

        assertThat(task.n()).isEqualTo(3);
        for (ItemScore score : task.items()) {
            Item item = data.items().get(score.place());
            for (int i = 0; i < item.pairs(); i++) {
                int[] all = model.tokenizer()
                        .encodeWithBos(
                                item.contexts().get(i) + item.continuations().get(i));
                int from = model.tokenizer().encodeWithBos(item.contexts().get(i)).length;
                assertThat(all.length - from).isGreaterThan(6);
                // The context fills the model: one token behind it, then six at a time.
                double expected = sum(Arrays.copyOfRange(all, from - 6, from + 1), 1);
                for (int at = from + 1; at < all.length; at += 6) {
                    int to = Math.min(all.length, at + 6);
                    expected += sum(Arrays.copyOfRange(all, to - 7, to), to - at);
                }
                assertThat(score.logLikelihoods()[i]).isCloseTo(expected, within(2e-4));
            }
        }
    }

    /** Log-probability of the last tokens of some. */
    private static double sum(int[] tokens, int last) {
        float[] all = model.logProbabilities(Arrays.copyOf(tokens, tokens.length))[0];
        return IntStream.range(all.length - last, all.length)
                .mapToDouble(i -> all[i])
                .sum();
    }
}
