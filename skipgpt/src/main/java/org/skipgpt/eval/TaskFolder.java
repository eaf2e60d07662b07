package org.skipgpt.eval;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.data.DataFile;
import org.skipgpt.data.DatasetManifest;

/**
 * Finds the files of tasks in a folder of data sets.
 *
 * <p>Questions stand in {@code <task>.jsonl} or {@code <task>.<split>.jsonl}, examples in {@code <task>-shots.jsonl} or
 * {@code <task>.train.jsonl}, in the folder or its {@code benchmarks}; or both where the manifest's files are put,
 * {@code <data set>/<path>}. The endings .jsonl.gz, .jsonl.zst, .json, .csv and .parquet do as well.
 */
record TaskFolder(Path root) {
    private static final List<String> ENDINGS =
            List.of(".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".csv", ".csv.gz", ".parquet");
    private static final Map<String, String> ALSO = Map.of("lambada", "lambada_openai", "gsm8k-flexible", "gsm8k");
    private static final String ANSWERS = "-answers";
    private static final Map<String, List<String>> TEXTS = Map.of(
            "wikitext2", List.of("wikitext2.txt", "wikitext2/wiki.test.raw", "wiki.test.raw", "wiki.txt"),
            "ptb", List.of("ptb.txt", "ptb.valid.txt", "ptb/ptb.valid.txt", "ptb/ptb.test.txt"));
    private static final Map<String, String> TEXT_SETS = Map.of("wikitext2", "wikitext-2-raw", "ptb", "ptb");

    /** The texts whose perplexity is known by a name. */
    static Set<String> texts() {
        return TEXTS.keySet();
    }

    /** A task's questions. */
    Optional<Path> questions(TaskDescription task) {
        List<String> stems = new ArrayList<>();
        for (String set : sets(task)) {
            stems.addAll(List.of(set, set + "." + task.split()));
        }
        return find(stems).or(() -> ofManifest(manifest(task), task.split()));
    }

    // What a task's files may be called by: its own name first, then that of the data set it asks in another way.
    private static Set<String> sets(TaskDescription task) {
        Set<String> sets = new LinkedHashSet<>(List.of(task.name()));
        if (task.name().endsWith(ANSWERS)) {
            sets.add(task.name().substring(0, task.name().length() - ANSWERS.length()));
        }
        Optional.ofNullable(ALSO.get(task.name())).ifPresent(sets::add);
        return sets;
    }

    private static String manifest(TaskDescription task) {
        return task.name().replaceFirst(ANSWERS + "$", "").replace('_', '-');
    }

    /** A task's examples. */
    Optional<Path> examples(TaskDescription task) {
        List<String> stems = new ArrayList<>();
        for (String set : sets(task)) {
            stems.addAll(List.of(set + "-shots", set + "." + task.shotSplit()));
        }
        return find(stems).or(() -> ofManifest(manifest(task), task.shotSplit()));
    }

    /** The text behind a name such as wikitext2. */
    Optional<Path> text(String name) {
        return TEXTS.getOrDefault(name, List.of()).stream()
                .map(root::resolve)
                .filter(Files::isRegularFile)
                .findFirst()
                .or(() -> ofManifest(TEXT_SETS.getOrDefault(name, name), "test"));
    }

    /** Where a text is looked for. */
    static List<String> places(String text) {
        return TEXTS.getOrDefault(text, List.of());
    }

    private Optional<Path> find(List<String> stems) {
        for (Path folder : List.of(root, root.resolve("benchmarks"))) {
            for (String stem : stems) {
                Optional<Path> found = beside(folder.resolve(stem));
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    /** A data file that has a path's name and one of the known endings. */
    static Optional<Path> beside(Path stem) {
        return ENDINGS.stream()
                .map(ending -> stem.resolveSibling(stem.getFileName() + ending))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private Optional<Path> ofManifest(String dataset, String split) {
        return DatasetManifest.builtIn().datasets().stream()
                .filter(one -> one.name().equals(dataset))
                .flatMap(one -> one.files().stream())
                .filter(file -> isOf(file, split))
                .flatMap(file -> {
                    Path own = root.resolve(dataset).resolve(file.path());
                    Path flat = root.resolve(dataset).resolve(String.valueOf(own.getFileName()));
                    return new LinkedHashSet<>(List.of(own, flat)).stream();
                })
                .filter(Files::isRegularFile)
                .findFirst();
    }

    // Parts go by their full name or, in older files, by valid and val.
    private static boolean isOf(DataFile file, String split) {
        String name = String.valueOf(Path.of(file.path()).getFileName());
        boolean named = name.contains(split.equals("validation") ? "val" : split);
        return named && !name.endsWith(".lst");
    }
}
