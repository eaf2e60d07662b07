package org.skipgpt.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.skipgpt.SkipGpt;
import org.skipgpt.Study;
import org.skipgpt.StudyMethod;
import org.skipgpt.StudyOptions;
import org.skipgpt.StudyRow;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Tasks;
import org.skipgpt.prune.Criterion;
import org.skipgpt.train.TuningOptions;

/** A study of seconds on the embedded model. */
final class TinyStudy {
    private TinyStudy() {}

    /** The first questions of every task, in a folder. */
    static void data(Path folder, int questions) throws IOException {
        Files.createDirectories(folder);
        for (String task : Tasks.PAPER) {
            Path world = Path.of(System.getProperty("skipgpt.home", root()), "datasets", "world");
            try (Stream<String> lines = Files.lines(world.resolve(task + ".jsonl"))) {
                Files.write(
                        folder.resolve(task + ".jsonl"), lines.limit(questions).toList());
            }
        }
    }

    private static String root() {
        return System.getProperty("skipgpt.root", "../..");
    }

    /** Dense, one static method and a random one that notes in {@code made.txt} whenever a row is made. */
    static StudyOptions options(Path folder, Path data, long... seeds) {
        List<String> documents = SkipGpt.worldTexts(40, 11);
        String notes = folder.toAbsolutePath().resolve("made.txt").toString();
        StudyMethod random = StudyMethod.of("random drop", (base, material) -> {
            note(notes, material.seed());
            return SkipGpt.drop(
                    base,
                    SkipGpt.plan(
                            base,
                            Criterion.random(Criterion.Grain.MODULES, material.seed()),
                            material.calibration(),
                            material.ratio()));
        });
        return StudyOptions.workshop(folder, String.join("\n", documents.subList(0, 4)), documents)
                .withNames("Dense", "Shortened LLaMA (PPL)")
                .withMethod(random)
                .withSeeds(seeds)
                .withTuning(
                        TuningOptions.workshop().withSteps(2).withBatch(1, 32).withHeldOut(2))
                .withEvaluation(EvaluationOptions.defaults().withData(data));
    }

    private static void note(String file, long seed) {
        try {
            Files.writeString(Path.of(file), seed + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Seeds of the random rows that were made, a line a making. */
    static List<String> made(Path folder) throws IOException {
        return Files.readAllLines(folder.resolve("made.txt"));
    }

    /** All that rows say but how long they took and on what. */
    static List<Object> numbers(Study study) {
        List<Object> all = new ArrayList<>();
        for (StudyRow row : study.rows()) {
            all.add(List.of(row.identity(), row.blocks(), row.all(), row.tasks(), row.perplexities(), row.answers()));
        }
        return all;
    }
}
