package org.skipgpt.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.study;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.Study;
import org.skipgpt.StudyEngine;
import org.skipgpt.StudyMethod;
import org.skipgpt.StudyOptions;
import org.skipgpt.Workspace;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/** Studies on a real Spark in this process. */
class SparkStudyEngineTest {
    private static Path data = Path.of("");
    private static LanguageModel model;
    private static SparkSession spark;

    @BeforeAll
    static void open(@TempDir Path folder) throws IOException {
        data = folder;
        TinyStudy.data(folder, 2);
        Workspace.open("cpu", "fp32");
        model = load("world");
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

    @Test
    void theTableIsTheOneOfThisProcessAndFinishedRowsAreKept(@TempDir Path folder) throws IOException {
        Path alone = folder.resolve("alone");
        Path sparks = folder.resolve("sparks");
        List<Long> told = new ArrayList<>();
        ProgressObserver observer = progress -> {
            assertThat(Thread.currentThread().getName()).isNotEqualTo("dag-scheduler-event-loop");
            told.add(progress.done());
        };

        Study expected = study(model, TinyStudy.options(alone, data, 1, 2), ProgressObserver.silent());
        Study found = SparkStudy.run(spark, "world", model, TinyStudy.options(sparks, data, 1, 2), observer);

        assertThat(found.isComplete()).isTrue();
        assertThat(TinyStudy.numbers(found)).isEqualTo(TinyStudy.numbers(expected));
        assertThat(TinyStudy.made(sparks)).containsExactlyInAnyOrder("1", "2");
        assertThat(told).containsExactly(1L, 2L, 3L, 4L);

        Study again = SparkStudy.run(
                spark, "world", model, TinyStudy.options(sparks, data, 1, 2, 3), ProgressObserver.silent());

        assertThat(again.rows()).hasSize(5);
        assertThat(TinyStudy.made(sparks)).containsExactlyInAnyOrder("1", "2", "3");
    }

    @Test
    void aRowThatFailsEndsTheStudyInItsWordsAndWhatCannotTravelIsRefused(@TempDir Path folder) {
        StudyOptions options = TinyStudy.options(folder, data, 1);
        StudyMethod failing = StudyMethod.of("failing", (base, material) -> {
            throw new IllegalStateException("no such layer");
        });
        assertThatThrownBy(() -> SparkStudy.run(
                        spark, "world", model, options.withMethods(List.of(failing)), ProgressObserver.silent()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("what was finished is kept", "no such layer");
        LanguageModel own = model;
        StudyMethod holding = StudyMethod.of("holding", (base, material) -> own);
        assertThatThrownBy(() -> SparkStudy.run(
                        spark, "world", model, options.withMethods(List.of(holding)), ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("LanguageModel", "cannot travel");
    }

    @Test
    void anInterruptCancelsTheJobAndKeepsWhatIsDone(@TempDir Path folder) {
        Thread own = Thread.currentThread();
        ProgressObserver stopping = progress -> own.interrupt();

        Study stopped = SparkStudy.run(spark, "world", model, TinyStudy.options(folder, data, 1, 2), stopping);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(stopped.isComplete()).isFalse();
        assertThat(stopped.rows()).isNotEmpty();
    }

    @Test
    void itIsFoundOnTheClassPath() {
        assertThat(ServiceLoader.load(StudyEngine.class).stream()
                        .map(one -> one.get().name()))
                .containsExactly("spark");
    }
}
