package org.skipgpt.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/** Two tasks of a real Spark tune one set of routers. */
class SparkTuningEngineTest {
    private static final TuningOptions OPTIONS = TuningOptions.workshop()
            .withSteps(3)
            .withBatch(1, 32)
            .withHeldOut(2)
            .withAccumulation(4);

    @Test
    void twoTasksLearnWhatThisProcessLearns(@TempDir Path folder) throws IOException {
        List<String> texts = SkipGpt.worldTexts(40, 11);
        Workspace.open("cpu", "fp32");
        try (Workspace workspace = Workspace.current();
                SparkSession spark = SparkSession.builder()
                        .master("local[2]")
                        .config("spark.ui.enabled", "false")
                        .getOrCreate()) {
            LanguageModel model = SkipGpt.load("world");
            List<String> told = new ArrayList<>();
            TuningOptions shared = OPTIONS.withWorkers(folder, 1);

            Tuned found = SparkTuning.routers(
                    spark, "world", model, texts, 0.25, shared, 2, progress -> told.add(progress.note()));

            Tuned own = SkipGpt.tuneRouters(model, texts, 0.25, OPTIONS, ProgressObserver.silent());
            assertThat(found.run().log().column("loss"))
                    .hasSize(3)
                    .containsExactly(own.run().log().column("loss"));
            assertThat(found.sparsity().text()).isEqualTo(own.sparsity().text());
            assertThat(told).filteredOn(note -> note.contains("3 of 3 steps")).hasSize(2);

            assertThatThrownBy(() -> SparkTuning.routers(
                            spark, "world", model, texts, 0.25, OPTIONS, 2, ProgressObserver.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("withWorkers");
            assertThatThrownBy(() -> SparkTuning.routers(
                            spark, "world", model, texts, 0.25, shared, 0, ProgressObserver.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("workers 0");
        }
    }
}
