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
import org.skipgpt.eval.Reported;
import org.skipgpt.eval.Tasks;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.Column;
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
        for (String learned : List.of("SkipGPT-RT", "SkipGPT-RT-L", "SkipGPT-Joint", "MoD-D", "D-LLM")) {
            assertThat(row(study, learned).blocks()).as(learned).isCloseTo(0.25, within(0.03));
        }
        costsAndSearchesAreTold(study);
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

    private static void costsAndSearchesAreTold(Study study) {
        int adapted = 0;
        for (StudyRow row : study.rows()) {
            StudyCost cost = row.cost().orElseThrow();
            assertThat(cost.prefill()).as(row.method()).isPositive();
            assertThat(cost.decode()).as(row.method()).isPositive();
            assertThat(cost.cacheBytes()).as(row.method()).isPositive();
            assertThat(row.search().isPresent()).as(row.method()).isEqualTo(row.wanted() > 0);
            boolean learned = !row.curves().isEmpty();
            assertThat(cost.tuningSeconds() > 0).as(row.method()).isEqualTo(learned);
            assertThat(cost.adapter() > 0).as(row.method()).isEqualTo(row.isAdapted());
            adapted += row.isAdapted() ? 1 : 0;
        }
        // Of 8 layers two go whole, and their keys and values with them; D-LLM keeps none of tokens that skip, SkipGPT
        // those of all.
        StudyCost dense = row(study, "Dense").cost().orElseThrow();
        assertThat(dense.cacheBytes()).isEqualTo(dense.denseCacheBytes());
        assertThat(row(study, "ShortGPT").cost().orElseThrow().cacheBytes()).isEqualTo(0.75 * dense.cacheBytes());
        assertThat(row(study, "D-LLM").cost().orElseThrow().cacheBytes()).isLessThan(0.9 * dense.cacheBytes());
        assertThat(row(study, "SkipGPT-RT").cost().orElseThrow().cacheBytes()).isEqualTo(dense.cacheBytes());
        assertThat(row(study, "SkipGPT-RT-L").curves().stream().map(StudyCurve::run))
                .containsExactly("SkipGPT-RT", "SkipGPT-RT-L");

        assertThat(study.search().rows()).hasSize(study.rows().size() - 2);
        assertThat(study.search().fullText()).contains("least similarity of a merge", "width of the stream");
        assertThat(study.table().fullText()).contains("prefill x", "tuning s", "p to SkipGPT", "times of ");
        assertThat(study.table(1).rows()).hasSize(study.rows().size() - adapted);
        assertThat(study.table(2).rows()).hasSize(adapted + 1);
        assertThatThrownBy(() -> study.table(3)).hasMessageContaining("Tables 1 and 2");
        assertThat(study.curves().lines()).hasSize(adapted + 1);
        assertThat(study.scaling("wikitext2").lines()).hasSize(study.rows().size());
        assertThatThrownBy(() -> study.scaling("c4")).hasMessageContaining("wikitext2");
    }

    @Test
    void rowsOfOneQuestionHaveNoStandardErrorAndAreRead(@TempDir Path folder) {
        StudyOptions one = tiny(folder)
                .withNames("Dense")
                .withEvaluation(EvaluationOptions.defaults().withFirst(1));
        study(model, one, ProgressObserver.silent());
        Study again = study(model, one, ProgressObserver.silent());

        assertThat(row(again, "Dense").tasks().values()).allMatch(score -> Double.isNaN(score.error()));
        assertThat(again.isComplete()).isTrue();
    }

    @Test
    void rowsOfEarlierVersionsAreReadAndUnknownOnesRefused(@TempDir Path folder) throws IOException {
        Study study = study(model, tiny(folder).withNames("Dense", "ShortGPT"), ProgressObserver.silent());
        StudyRow row = row(study, "ShortGPT");
        Path file = folder.resolve("row.json");
        row.save(file);
        assertThat(StudyRow.open(file)).isEqualTo(row);
        String now = Files.readString(file);

        StudyRow earlier = new StudyRow(
                row.method(),
                row.wanted(),
                row.seed(),
                row.blocks(),
                row.all(),
                row.tasks(),
                row.perplexities(),
                row.answers(),
                row.madeSeconds(),
                row.scoredSeconds(),
                row.identity(),
                row.provenance());
        earlier.save(file);
        assertThat(Files.readString(file)).doesNotContain("format", "cost", "curves");
        assertThat(StudyRow.open(file)).isEqualTo(earlier);
        assertThat(new Study("world", List.of(earlier), true).table().fullText())
                .doesNotContain("prefill x");
        for (String wrong : List.of(
                now.replace("\"format\": 2", "\"format\": 3"),
                now.replace("\"format\": 2,", ""),
                now.replace("\"tries\"", "\"trials\""),
                now.replace("\"adapter\": 0", "\"adapter\": -1"),
                now.replace("\"curves\": []", "\"curves\": [{\"run\": \"a\", \"steps\": [1], \"loss\": []}]"))) {
            assertThat(wrong).isNotEqualTo(now);
            Files.writeString(file, wrong);
            assertThatThrownBy(() -> StudyRow.open(file))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("delete the file");
        }
    }

    @Test
    void thePapersOwnRowsStandBesideAModelOfThePaper(@TempDir Path folder) {
        Study world = study(model, tiny(folder).withNames("Dense"), ProgressObserver.silent());
        assertThat(world.table().rows()).hasSize(1);
        for (String name : List.of("Llama-2-7b-hf", "meta-llama/Llama-2-13b-hf", "Meta-Llama-3.1-8B")) {
            Study study = new Study(name, world.rows(), true);
            List<TextTable.Row> theirs =
                    study.table().rows().stream().filter(row -> !row.compared()).toList();
            assertThat(theirs.stream().map(row -> (String) row.cells().get(0)))
                    .as(name)
                    .contains("paper: Dense", "paper: SkipGPT-RT", "paper: SkipGPT-RT-L", "paper: D-LLM");
            assertThat(study.table(1).rows().stream().filter(row -> !row.compared()))
                    .hasSizeLessThan(theirs.size());
        }
        Study seven = new Study("Llama-2-7b-hf", world.rows(), true);
        TextTable.Row skipGpt = seven.table(1).rows().stream()
                .filter(row -> row.cells().get(0).equals("paper: SkipGPT-RT"))
                .findFirst()
                .orElseThrow();
        int average =
                seven.table().columns().stream().map(Column::name).toList().indexOf("average");
        assertThat(skipGpt.cells().get(1)).isEqualTo(25.5);
        assertThat(skipGpt.cells().get(average)).isEqualTo(62.29);
        for (String chat : List.of("Llama-2-7b-chat-hf", "world", "Llama-3-8B", "tiny-llama-2-7b")) {
            assertThat(Reported.like(chat)).as(chat).isEmpty();
        }
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
        LanguageModel pruned = drop(model, SkipGpt.shortGpt(model, List.of(documents.get(0)), 0.25));
        assertThatThrownBy(() -> study(pruned, options, ProgressObserver.silent()))
                .hasMessageContaining("begins with a dense model");
        assertThatThrownBy(() -> StudyProgram.main(new String[] {"rations=0.25"}))
                .hasMessageContaining("ratios=0.25");
    }
}
