package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.skipgpt.SkipGpt.drop;
import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.plan;
import static org.skipgpt.SkipGpt.study;
import static org.skipgpt.SkipGpt.worldTexts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Tasks;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.TuningOptions;

/** Two processes make one study in one folder, and one of them is killed. */
class SharedStudyEngineTest {
    private static final long LONGEST_SECONDS = 300;

    /** A process of the study: arguments are the data's folder and the study's. */
    static final class Worker {
        public static void main(String[] arguments) {
            Workspace.open("cpu", "fp32");
            Study made = study(
                    load("world"), options(Path.of(arguments[0]), Path.of(arguments[1])), ProgressObserver.silent());
            if (!made.isComplete()) {
                throw new IllegalStateException("the study is not complete");
            }
        }
    }

    private static StudyOptions options(Path data, Path folder) {
        List<String> documents = worldTexts(40, 11);
        StudyMethod random = StudyMethod.of("random drop", (base, material) -> {
            note(folder, material.seed());
            return drop(
                    base,
                    plan(
                            base,
                            Criterion.random(Criterion.Grain.MODULES, material.seed()),
                            material.calibration(),
                            material.ratio()));
        });
        return StudyOptions.workshop(folder, String.join("\n", documents.subList(0, 4)), documents)
                .withNames("Dense", "SkipGPT-RT", "SkipGPT-RT-L")
                .withMethod(random)
                .withSeeds(1, 2)
                .withTuning(
                        TuningOptions.workshop().withSteps(2).withBatch(1, 32).withHeldOut(2))
                .withEvaluation(EvaluationOptions.defaults().withData(data));
    }

    private static void note(Path folder, long seed) {
        try {
            Files.writeString(
                    folder.resolve("made.txt"), seed + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Process start(Path data, Path folder, Path log) throws IOException {
        return new ProcessBuilder(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx1g",
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Worker.class.getName(),
                        data.toString(),
                        folder.toString()))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    private static void end(Process process, Path log) throws IOException, InterruptedException {
        assertThat(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS))
                .as("the process ends")
                .isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    }

    // All that a row says but how long it took and which files it was read from.
    private static List<Object> numbers(Study study) {
        List<Object> all = new ArrayList<>();
        for (StudyRow row : study.rows()) {
            all.add(List.of(row.identity(), row.blocks(), row.all(), row.tasks(), row.perplexities(), row.answers()));
        }
        return all;
    }

    @Test
    void aKilledProcessCostsItsRowAndTheTableIsTheSame(@TempDir Path folder) throws IOException, InterruptedException {
        Path data = Files.createDirectories(folder.resolve("data"));
        for (String task : Tasks.PAPER) {
            try (Stream<String> lines = Files.lines(Checkpoints.world().resolve(task + ".jsonl"))) {
                Files.write(data.resolve(task + ".jsonl"), lines.limit(2).toList());
            }
        }
        Path shared = Files.createDirectories(folder.resolve("shared"));
        Path rows = shared.resolve("rows");
        long seed = System.nanoTime();
        int killedAfter = new Random(seed).nextInt(6);
        Process victim = start(data, shared, folder.resolve("victim.log"));
        Process other = start(data, shared, folder.resolve("other.log"));
        try {
            while (victim.isAlive() && count(rows) < killedAfter) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            TimeUnit.MILLISECONDS.sleep(new Random(seed + 1).nextInt(200));
            victim.destroyForcibly().waitFor();
            end(other, folder.resolve("other.log"));
        } finally {
            victim.destroyForcibly().waitFor();
            other.destroyForcibly().waitFor();
        }

        Workspace.open("cpu", "fp32");
        try (Workspace workspace = Workspace.current()) {
            Study together = study(load("world"), options(data, shared), ProgressObserver.silent());
            List<String> made = Files.readAllLines(shared.resolve("made.txt"));
            Path own = Files.createDirectories(folder.resolve("alone"));
            Study alone = study(load("world"), options(data, own), ProgressObserver.silent());

            assertThat(together.isComplete()).isTrue();
            assertThat(numbers(together))
                    .as("killed after %d rows", killedAfter)
                    .isEqualTo(numbers(alone));
            assertThat(made.size())
                    .as("rows made of two; at most the killed process's was made twice")
                    .isBetween(2, 3);
            assertThat(made).contains("1", "2");
        }
    }

    private static int count(Path rows) throws IOException {
        if (!Files.isDirectory(rows)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(rows)) {
            return (int) files.filter(file -> file.toString().endsWith(".json")).count();
        }
    }
}
