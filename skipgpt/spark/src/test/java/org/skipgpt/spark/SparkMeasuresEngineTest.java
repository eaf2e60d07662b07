package org.skipgpt.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.analyze.Scaling;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.ScoreStore;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.ProgressObserver;

/** Sweeps and evaluations on a real Spark in this process. */
class SparkMeasuresEngineTest {
    private static Path data = Path.of("");
    private static LanguageModel model;
    private static SparkSession spark;

    @BeforeAll
    static void open(@TempDir Path folder) throws IOException {
        data = folder;
        TinyStudy.data(folder, 3);
        Workspace.open("cpu", "fp32");
        model = SkipGpt.load("world");
        spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
    }

    @AfterAll
    static void close() {
        spark.stop();
        Workspace.current().close();
    }

    private static ModelMaker random(double share) {
        return base -> share == 0
                ? base
                : SkipGpt.drop(
                        base, SkipGpt.plan(base, Criterion.random(Criterion.Grain.MODULES, 7), List.of("text"), share));
    }

    @Test
    void aSweepHasThePointsOfThisProcess(@TempDir Path folder) {
        List<int[]> texts = List.of(model.tokenizer().encodeWithBos("Anna lives in a house. The house is red."));
        List<SparkScaling.Trial> trials = new ArrayList<>();
        List<Scaling.Trial> own = new ArrayList<>();
        for (double share : new double[] {0, 0.25, 0.5}) {
            ModelMaker maker = random(share);
            trials.add(new SparkScaling.Trial("random", "share " + share, model.hash(), maker));
            own.add(new Scaling.Trial("random", "share " + share, model.hash(), () -> maker.make(model)));
        }
        List<String> told = new ArrayList<>();

        Scaling found = SparkScaling.sweep(
                spark,
                "world",
                model,
                trials,
                texts,
                folder.resolve("sweep.json"),
                progress -> told.add(progress.task() + " " + progress.done()));

        assertThat(found.points())
                .isEqualTo(Scaling.sweep(own, texts, Optional.empty(), ProgressObserver.silent())
                        .points());
        assertThat(told).containsExactly("scaling sweep 1", "scaling sweep 2", "scaling sweep 3");
    }

    @Test
    void anEvaluationHasTheScoresOfThisProcess(@TempDir Path folder) {
        EvaluationOptions options = EvaluationOptions.defaults().withData(data);
        Path file = folder.resolve("scores.jsonl");

        Evaluation found = SparkEvaluation.run(
                spark,
                "world",
                model,
                random(0.25),
                options.withStore(file),
                ProgressObserver.silent(),
                "piqa",
                "boolq");

        Evaluation own = SkipGpt.evaluate(
                random(0.25).make(model), List.of("piqa", "boolq"), options, ProgressObserver.silent());
        assertThat(found.tasks().stream().map(task -> task.score()).toList())
                .isEqualTo(own.tasks().stream().map(task -> task.score()).toList());
        try (ScoreStore store = ScoreStore.open(file)) {
            assertThat(store.size()).as("each question once").isEqualTo(6);
        }
        assertThatThrownBy(() -> SparkEvaluation.run(
                        spark, "world", model, random(0), options, ProgressObserver.silent(), "piqa"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("withStore");
    }
}
