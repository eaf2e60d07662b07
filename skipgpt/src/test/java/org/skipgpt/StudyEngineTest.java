package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.skipgpt.SkipGpt.drop;
import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.plan;
import static org.skipgpt.SkipGpt.study;
import static org.skipgpt.SkipGpt.worldTexts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Tasks;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.TextTable;
import org.skipgpt.train.TuningOptions;

/** Every method of the paper on the embedded model, at a budget of seconds. */
class StudyEngineTest {
    private static Path data = Path.of("");
    private static LanguageModel model;
    private static List<String> documents;

    @BeforeAll
    static void open(@TempDir Path folder) throws IOException {
        data = folder;
        Workspace.open("cpu", "fp32");
        model = load("world");
        documents = worldTexts(40, 11);
        for (String task : Tasks.PAPER) {
            try (Stream<String> lines = Files.lines(Checkpoints.world().resolve(task + ".jsonl"))) {
                Files.write(data.resolve(task + ".jsonl"), lines.limit(2).toList());
            }
        }
        for (String text : List.of("wiki.txt", "ptb.txt")) {
            String whole = Files.readString(Checkpoints.world().resolve(text));
            Files.writeString(data.resolve(text), whole.substring(0, 4000));
        }
    }

    @AfterAll
    static void close() {
        Workspace.current().close();
    }

    private static StudyOptions tiny(Path folder) {
        return StudyOptions.workshop(folder, String.join("\n", documents.subList(0, 4)), documents)
                .withTuning(
                        TuningOptions.workshop().withSteps(2).withBatch(1, 32).withHeldOut(2))
                .withEvaluation(EvaluationOptions.defaults().withData(data));
    }

    private static StudyRow row(Study study, String method) {
        return study.rows().stream()
                .filter(row -> row.method().equals(method))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyMethodOfThePaperMakesARowAtItsMeasuredRatio(@TempDir Path folder) throws IOException {
        List<String> told = new ArrayList<>();
        ProgressObserver observer = progress -> {
            if (progress.task().equals("study")) {
                told.add(progress.note());
            }
        };

        Study study = study(model, tiny(folder), observer);

        List<String> names = StudyMethod.paper().stream().map(StudyMethod::name).toList();
        assertThat(study.isComplete()).isTrue();
        assertThat(study.rows().stream().map(StudyRow::method)).containsExactlyElementsOf(names);
        assertThat(told).isEqualTo(names);
        assertThat(row(study, "Dense").blocks()).isZero();
        assertThat(row(study, "Dense").all()).isZero();
        assertThat(row(study, "SliceGPT").blocks()).isCloseTo(0.25, within(0.01));
        assertThat(row(study, "LLM-Pruner").blocks()).isCloseTo(0.25, within(0.08));
        assertThat(row(study, "Joint Layer Drop").blocks()).isBetween(0.1, 0.4);
        assertThat(row(study, "LaCo").blocks()).isBetween(0.1, 0.4);
        assertThat(row(study, "LaCo + LoRA").blocks())
                .isEqualTo(row(study, "LaCo").blocks());
        for (StudyRow row : study.rows()) {
            assertThat(row.tasks()).hasSize(7);
            assertThat(row.perplexities()).hasSize(2);
            assertThat(row.perplexities().values()).allMatch(value -> value > 1);
        }
        for (String learned : List.of("SkipGPT-RT", "SkipGPT-RT-L", "SkipGPT-Joint")) {
            assertThat(row(study, learned).blocks()).as(learned).isCloseTo(0.25, within(0.03));
        }
        TextTable against = study.significance("SkipGPT-RT-L");
        assertThat(against.rows()).hasSize(names.size() - 1);
        double own = row(study, "SkipGPT-RT-L").average();
        for (TextTable.Row line : against.rows()) {
            double other = row(study, (String) line.cells().get(0)).average();
            assertThat((double) line.cells().get(3)).isCloseTo(other - own, within(1e-9));
            assertThat((double) line.cells().get(6)).isBetween(0.0, 1.0);
        }
        assertThatThrownBy(() -> study.significance("SkipGPT")).hasMessageContaining("SkipGPT-RT-L");
        assertThat(study.figure().series()).hasSize(2);
        study.save(folder.resolve("table.md"));
        study.save(folder.resolve("table.csv"));
        assertThat(Files.readString(folder.resolve("table.md"))).contains("SliceGPT + LoRA");
        assertThat(Files.readAllLines(folder.resolve("table.csv"))).hasSize(names.size() + 1);
    }

    @Test
    void finishedRowsAreKeptAStoppedOneIsMadeAgainAndOnesOwnMethodEntersTheTable(@TempDir Path folder)
            throws IOException {
        AtomicInteger made = new AtomicInteger();
        StudyMethod random = StudyMethod.of("random drop", (base, material) -> {
            made.incrementAndGet();
            return drop(
                    base,
                    plan(
                            base,
                            Criterion.random(Criterion.Grain.MODULES, material.seed()),
                            material.calibration(),
                            material.ratio()));
        });
        StudyMethod stopping = StudyMethod.of("stopped", (base, material) -> {
            Thread.currentThread().interrupt();
            return base;
        });
        StudyOptions options =
                tiny(folder).withNames("Dense").withMethod(random).withSeeds(1, 2);

        Study stopped = study(model, options.withMethod(stopping), ProgressObserver.silent());
        assertThat(Thread.interrupted()).isTrue();
        assertThat(stopped.isComplete()).isFalse();
        assertThat(stopped.rows()).hasSize(3);
        assertThat(stopped.text()).contains("stopped before the end");
        Study again = study(model, options, ProgressObserver.silent());

        assertThat(made).hasValue(2);
        assertThat(again.isComplete()).isTrue();
        assertThat(again.rows().stream().map(StudyRow::average).toList())
                .isEqualTo(stopped.rows().stream().map(StudyRow::average).toList());
        assertThat(again.table().rows()).hasSize(2);
        assertThat(again.markdown()).contains("random drop");
        study(model, options.withSeeds(1, 2, 3), ProgressObserver.silent());
        assertThat(made).hasValue(3);
        StudyOptions others = options.withTuning(options.tuning().withSteps(3));
        study(model, others.withSeeds(1), ProgressObserver.silent());
        assertThat(made).as("other settings are other rows").hasValue(4);
        StudyRow read = again.rows().get(0);
        StudyRow earlier = new StudyRow(
                "random drop",
                0,
                read.seed(),
                read.blocks(),
                read.all(),
                read.tasks(),
                read.perplexities(),
                Map.of(),
                1,
                1,
                read.identity(),
                read.provenance());
        assertThatThrownBy(() -> new Study("world", List.of(read, earlier), true).significance(read.method()))
                .hasMessageContaining("kept no answers");
        try (Stream<Path> files = Files.list(folder.resolve("rows"))) {
            for (Path one : files.toList()) {
                Files.writeString(one, "{}");
            }
        }
        assertThatThrownBy(() -> study(model, options, ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("delete the file");
    }

    @Test
    void wrongSettingsAreToldTogether(@TempDir Path folder) {
        StudyOptions options = tiny(folder);
        assertThatThrownBy(() -> options.withRatios(0.25, 1.5)).hasMessageContaining("0.95");
        assertThatThrownBy(() -> options.withNames("SparseGPT"))
                .hasMessageContaining("SparseGPT")
                .hasMessageContaining("SliceGPT");
        assertThatThrownBy(() -> options.withMethod(StudyMethod.paper().get(0))).hasMessageContaining("one name");
        LanguageModel pruned = drop(model, SkipGpt.shortGpt(model, documents.get(0), 0.25));
        assertThatThrownBy(() -> study(pruned, options, ProgressObserver.silent()))
                .hasMessageContaining("begins with a dense model");
        assertThatThrownBy(() -> StudyProgram.main(new String[] {"rations=0.25"}))
                .hasMessageContaining("ratios=0.25");
    }
}
