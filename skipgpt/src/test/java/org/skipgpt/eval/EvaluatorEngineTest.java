package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.Html;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

class EvaluatorEngineTest {
    private static final Path ITEMS = Path.of("src/test/resources/golden/harness/items");
    private static final Path WORLD =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path data;

    private static LanguageModel model;

    @BeforeAll
    static void load() throws IOException {
        for (String task : Tasks.PAPER) {
            for (String file : List.of(task + ".jsonl", task + "-shots.jsonl")) {
                Files.copy(WORLD.resolve(file), data.resolve(file));
            }
        }
        for (String text : List.of("wiki.txt", "ptb.txt")) {
            Files.writeString(
                    data.resolve(text), Files.readString(WORLD.resolve(text)).substring(0, 6000));
        }
        Workspace.open("cpu", "fp32");
        model = SkipGpt.load("src/test/resources/golden/harness/model");
    }

    @AfterAll
    static void free() {
        Workspace.current().close();
    }

    private static EvaluationOptions few() {
        return EvaluationOptions.defaults().withData(data).withFirst(5);
    }

    /** Questions that are no longer the world's files, as those of a data set of one's own are not. */
    private static EvaluationOptions own(Path folder) throws IOException {
        for (String task : Tasks.PAPER) {
            List<String> lines = Files.readAllLines(data.resolve(task + ".jsonl"));
            Files.write(folder.resolve(task + ".jsonl"), lines.subList(0, 5));
        }
        for (String text : List.of("wiki.txt", "ptb.txt")) {
            Files.copy(data.resolve(text), folder.resolve(text));
        }
        return EvaluationOptions.defaults().withData(folder);
    }

    @Test
    void aPresetRunsTheSevenTasksAndBothTextsOfTheWorld() {
        Evaluation result = SkipGpt.evaluate(model, List.of("zero-shot"), few(), ProgressObserver.silent());

        assertThat(result.tasks()).extracting(task -> task.task().name()).containsExactlyElementsOf(Tasks.PAPER);
        assertThat(result.tasks()).allSatisfy(task -> {
            assertThat(task.n()).isEqualTo(5);
            assertThat(task.shots()).isZero();
            assertThat(task.faults()).isEmpty();
        });
        assertThat(result.perplexities()).extracting(Perplexity::data).containsExactly("wikitext2", "ptb");
        assertThat(result.ratio()).isZero();
        assertThat(result.isComplete()).isTrue();
        assertThat(result.text().lines()).hasSizeLessThan(26);
        assertThat(result.json()).contains("\"preset\": \"zero-shot\"", "bits_per_byte", "acc_norm");
    }

    @Test
    void paperShotsAreThoseOfEachTask() {
        Evaluation result = SkipGpt.evaluate(
                model,
                List.of("paper-shots", "winogrande", "piqa", "arc_easy"),
                few().withFirst(2),
                ProgressObserver.silent());

        assertThat(result.tasks()).extracting(TaskResult::shots).containsExactly(5, 0, 25);
        assertThat(result.preset()).isEqualTo(Preset.paperShots());
    }

    @Test
    void everyFileOfTheHarnessItemsIsFoundByTaskAndSplit() {
        EvaluationOptions options = EvaluationOptions.defaults().withData(ITEMS).withFirst(3);
        Evaluation result = SkipGpt.evaluate(
                model, List.of("2-shot", "piqa", "arc_challenge", "hellaswag"), options, ProgressObserver.silent());

        assertThat(result.tasks()).extracting(TaskResult::n).containsExactly(3, 3, 3);
        assertThat(result.tasks().get(0).items().get(0).file()).endsWith("piqa.validation.jsonl");
    }

    @Test
    void htmlSaysWhatTextSays() {
        Evaluation result = SkipGpt.evaluate(model, List.of("piqa", "wikitext2"), few(), ProgressObserver.silent())
                .named("a < b");

        String html = result.html().orElseThrow();
        result.text().lines().filter(line -> !line.startsWith("─")).forEach(line -> {
            for (String word : line.split("  +")) {
                assertThat(html).contains(Html.escape(word));
            }
        });
        assertThat(html).contains("a &lt; b, zero-shot, data: ", "average", "wikitext2: perplexity");
    }

    @Test
    void theWorldsQuestionsSaySoAndNeverStandBesideThePapersNumbers(@TempDir Path folder) throws IOException {
        Evaluation world = SkipGpt.evaluate(model, List.of("piqa"), few().withFirst(2), ProgressObserver.silent());
        Evaluation own = SkipGpt.evaluate(model, List.of("piqa"), own(folder).withFirst(2), ProgressObserver.silent());
        Comparison table = SkipGpt.compare(world);

        assertThat(world.isOfWorld()).isTrue();
        assertThat(world.text()).contains("data: embedded world (made up)");
        assertThat(world.provenance().data()).isEqualTo("embedded world (made up)");
        assertThat(world.tasks().get(0).text()).contains("piqa of the embedded world");
        assertThat(table.text()).startsWith("zero-shot; data: embedded world (made up)");
        assertThatThrownBy(() -> table.withReported("LLaMA2-7B"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("withData");
        assertThat(own.isOfWorld()).isFalse();
        assertThat(own.provenance().data()).isEqualTo(folder.toString());
        assertThatThrownBy(() -> SkipGpt.compare(world, own)).hasMessageContaining("embedded world");
    }

    @Test
    void aTaskNamedTwiceCountsOnce() {
        Evaluation result = SkipGpt.evaluate(
                model, List.of("piqa", "boolq", "piqa", "ptb", "ptb"), few(), ProgressObserver.silent());

        assertThat(result.tasks()).extracting(task -> task.task().name()).containsExactly("piqa", "boolq");
        assertThat(result.perplexities()).hasSize(1);
    }

    @Test
    void anInterruptedRunShowsWhatIsThere() {
        ProgressObserver stops = progress -> Thread.currentThread().interrupt();

        Thread.currentThread().interrupt();
        Evaluation nothing = SkipGpt.evaluate(model, List.of("piqa", "boolq"), few(), ProgressObserver.silent());
        assertThat(Thread.interrupted()).isTrue();
        Evaluation text = SkipGpt.evaluate(model, List.of("piqa", "wikitext2"), few(), stops);
        assertThat(Thread.interrupted()).isTrue();

        assertThat(nothing.text()).contains("stopped before the end", "no question was scored");
        assertThat(nothing.text()).doesNotContain("NaN", "– ±");
        assertThat(SkipGpt.compare(nothing).text()).contains(", stopped").doesNotContain("NaN", "– ±");
        assertThat(text.isComplete()).isFalse();
        assertThat(text.tasks().get(0).n()).isEqualTo(5);
        assertThat(text.text()).contains("average ").doesNotContain("NaN");
    }

    @Test
    void filesThatCannotBeReadOrWrittenAreSaidSo(@TempDir Path folder) throws IOException {
        Files.write(folder.resolve("bytes.txt"), new byte[] {(byte) 0xff, (byte) 0xfe});
        Files.writeString(folder.resolve("file"), "");
        EvaluationOptions stored = few().withStore(folder.resolve("file").resolve("s.jsonl"));

        assertThatThrownBy(() ->
                        SkipGpt.perplexity(model, folder.resolve("none.txt").toString()))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("there is no such file")
                .hasMessageContaining(".jsonl");
        assertThatThrownBy(() -> SkipGpt.perplexity(model, folder.toString())).hasMessageContaining("is a folder");
        assertThatThrownBy(() ->
                        SkipGpt.perplexity(model, folder.resolve("bytes.txt").toString()))
                .hasMessageContaining("not UTF-8");
        assertThatThrownBy(
                        () -> SkipGpt.evaluate(model, List.of("nowhere/piqa.json"), few(), ProgressObserver.silent()))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("there is no such file")
                .hasMessageContaining("without .json, \"piqa\"");
        assertThatThrownBy(() -> SkipGpt.evaluate(model, List.of("piqa"), stored, ProgressObserver.silent()))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("is a file, not a folder")
                .hasMessageContaining("withStore");
    }

    @Test
    void presetsNeverMixInOneTable() {
        Evaluation zero =
                SkipGpt.evaluate(model, List.of("zero-shot", "piqa"), few().withFirst(2), ProgressObserver.silent());
        Evaluation three =
                SkipGpt.evaluate(model, List.of("3-shot", "piqa"), few().withFirst(2), ProgressObserver.silent());

        assertThatThrownBy(() -> SkipGpt.compare(zero, three))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("zero-shot")
                .hasMessageContaining("3-shot");
        assertThatThrownBy(() ->
                        SkipGpt.evaluate(model, List.of("zero-shot", "paper-shots"), few(), ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class);
        // The same preset over other questions does not compare either.
        Evaluation more = SkipGpt.evaluate(model, List.of("zero-shot", "piqa"), few(), ProgressObserver.silent());
        assertThatThrownBy(() -> SkipGpt.compare(zero, more)).hasMessageContaining("n 2");
    }

    @Test
    void aTableHasThePapersLayoutItsReportedRowsApartAndEveryFormat(@TempDir Path folder) throws IOException {
        LayerPolicy policy = ForcedPolicy.uniform(0.5, model.config().layers(), 3);
        EvaluationOptions own = own(folder);
        Evaluation dense = SkipGpt.evaluate(model, List.of("zero-shot"), own, ProgressObserver.silent())
                .named("dense");
        Evaluation half = SkipGpt.evaluate(
                        model.withPolicy(policy), List.of("zero-shot"), own, ProgressObserver.silent())
                .named("half");
        assertThat(half.ratio()).isCloseTo(0.5, within(0.05));

        Comparison table = SkipGpt.compare(dense, half).withReported("LLaMA2-7B");

        assertThat(table.table().columns())
                .extracting(column -> column.name())
                .containsExactly(
                        "method",
                        "ratio (%)",
                        "openbookqa acc_norm",
                        "winogrande acc",
                        "piqa acc",
                        "hellaswag acc_norm",
                        "boolq acc",
                        "arc_easy acc_norm",
                        "arc_challenge acc_norm",
                        "average",
                        "wikitext2 ppl",
                        "ptb ppl",
                        "average ppl");
        assertThat(table.markdown()).contains("SkipGPT-RT (LLaMA2-7B) †", "62.29", "7.81");
        assertThat(table.markdown())
                .contains("zero-shot; data: ", folder.getFileName().toString());
        assertThat(table.latex()).contains("\\toprule");
        assertThat(table.csv()).contains("winogrande acc stderr");
        assertThat(table.dataframe().rowCount()).isEqualTo(2 + table.reported().size());
        for (String ending : List.of("md", "tex", "csv", "json")) {
            table.save(folder.resolve("table." + ending));
            assertThat(folder.resolve("table." + ending)).isNotEmptyFile();
            assertThat(folder.resolve("table." + ending + ".provenance.json")).isNotEmptyFile();
        }
        assertThat(table.significance("dense", "half").rows()).hasSize(7 + 1 + 2);
        assertThatThrownBy(() -> table.significance("dense", "quarter")).hasMessageContaining("[dense, half]");
        assertThat(table.significance("dense", "dense").rows().get(7).cells().get(6))
                .isEqualTo(1.0);
    }

    @Test
    void aStoppedRunGoesOnWhereItWas(@TempDir Path folder) {
        EvaluationOptions options = EvaluationOptions.defaults()
                .withData(data)
                .withFirst(40)
                .withScoring(ScoreOptions.defaults().withBatchTokens(512));
        EvaluationOptions stored = options.withStore(folder.resolve("scores.jsonl"));
        List<Progress> before = new ArrayList<>();
        ProgressObserver stops = progress -> {
            before.add(progress);
            if (before.size() == 3) {
                Thread.currentThread().interrupt();
            }
        };

        Evaluation part = SkipGpt.evaluate(model, List.of("hellaswag", "piqa"), stored, stops);
        assertThat(Thread.interrupted()).isTrue();
        List<Progress> after = new ArrayList<>();
        Evaluation rest = SkipGpt.evaluate(model, List.of("hellaswag", "piqa"), stored, after::add);
        Evaluation whole = SkipGpt.evaluate(model, List.of("hellaswag", "piqa"), options, ProgressObserver.silent());

        assertThat(part.isComplete()).isFalse();
        assertThat(part.tasks()).hasSize(1);
        int done = part.tasks().get(0).n();
        assertThat(done).isBetween(1, 39);
        assertThat(after.get(0).total()).isLessThan(before.get(0).total());
        assertThat(rest.isComplete()).isTrue();
        for (int t = 0; t < 2; t++) {
            assertThat(rest.tasks().get(t).jsonl()).isNotEmpty();
            for (int i = 0; i < 40; i++) {
                ItemScore a = rest.tasks().get(t).items().get(i);
                ItemScore b = whole.tasks().get(t).items().get(i);
                assertThat(a.pick()).isEqualTo(b.pick());
                assertThat(a.logLikelihoods()).containsExactly(b.logLikelihoods(), within(1e-4));
            }
        }
        // A line cut off by a crash costs its question only.
        List<Progress> mended = new ArrayList<>();
        cut(folder.resolve("scores.jsonl"));
        Evaluation again = SkipGpt.evaluate(model, List.of("hellaswag", "piqa"), stored, mended::add);
        assertThat(mended).hasSize(1);
        assertThat(again.tasks().get(1).items()).hasSize(40);
    }

    private static void cut(Path file) {
        try {
            String all = Files.readString(file);
            Files.writeString(file, all.substring(0, all.length() - 20));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aTaskOfOnesOwnNeedsADescriptionAndNoCode(@TempDir Path folder) throws IOException {
        Files.writeString(
                folder.resolve("colours.json"),
                "{\"name\": \"colours\", \"version\": \"1\", \"query\": \"{what} is\", \"choices\": [\"{a}\", \"{b}\"],"
                        + " \"gold\": \"{right}\", \"labels\": [\"a\", \"b\"], \"metric\": \"acc_norm\"}");
        Files.writeString(
                folder.resolve("colours.jsonl"),
                "{\"what\": \"grass\", \"a\": \"green\", \"b\": \"blue\", \"right\": \"a\"}\n"
                        + "{\"what\": \"snow\", \"a\": \"red\", \"right\": \"a\"}\n"
                        + "{\"what\": \"the sky\", \"a\": \"brown\", \"b\": \"blue\", \"right\": \"b\"}\n");
        Files.writeString(
                folder.resolve("colours-shots.jsonl"),
                "{\"what\": \"milk\", \"a\": \"white\", \"b\": \"black\", \"right\": \"a\"}\n");
        String task = folder.resolve("colours.json").toString();

        Evaluation result = SkipGpt.evaluate(model, task);
        Evaluation shot = SkipGpt.evaluate(model, "1-shot", task);

        assertThat(result.tasks().get(0).n()).isEqualTo(2);
        assertThat(result.faults()).isOne();
        assertThat(result.tasks().get(0).faults().get(0).toString())
                .contains("colours.jsonl:2")
                .contains("\"b\"");
        assertThat(result.text()).contains("colours", "1 records could not be scored");
        assertThat(shot.tasks().get(0).shots()).isOne();
        assertThatThrownBy(() -> SkipGpt.evaluate(model, "2-shot", task)).hasMessageContaining("2 examples");
    }

    @Test
    void whatIsMissingIsNamedBeforeAnythingIsScored(@TempDir Path folder) throws IOException {
        List<Progress> scored = new ArrayList<>();
        Files.copy(ITEMS.resolve("piqa.validation.jsonl"), folder.resolve("piqa.jsonl"));
        EvaluationOptions options = EvaluationOptions.defaults().withData(folder);

        assertThatThrownBy(() -> SkipGpt.evaluate(model, List.of("piqa", "boolq"), options, scored::add))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("boolq.jsonl")
                .hasMessageContaining("SKIPGPT_DATA");
        assertThatThrownBy(() -> SkipGpt.evaluate(model, List.of("4-shot", "piqa"), options, scored::add))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("piqa-shots.jsonl");
        assertThatThrownBy(() -> SkipGpt.evaluate(model, List.of("piqqa"), options, scored::add))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("winogrande")
                .hasMessageContaining("paper-shots")
                .hasMessageContaining("wikitext2")
                .hasMessageContaining("my-task.json");
        assertThat(scored).isEmpty();
        assertThat(SkipGpt.evaluate(
                                model,
                                List.of("4-shot", "piqa"),
                                options.withExamplesFromQuestions().withFirst(2),
                                ProgressObserver.silent())
                        .tasks()
                        .get(0)
                        .shots())
                .isEqualTo(4);
    }
}
