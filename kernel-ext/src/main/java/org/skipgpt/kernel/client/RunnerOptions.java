package org.skipgpt.kernel.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.lang.model.SourceVersion;

/**
 * What the notebook runner is asked to do.
 *
 * @param spec folder of the kernelspec
 * @param out folder for executed notebooks, pictures and logs
 * @param cellLimit limit for one cell
 * @param notebooks what to run, in order
 * @param parameters values for variables of the cell tagged {@code parameters}, by name
 */
public record RunnerOptions(
        Path spec, Path out, Duration cellLimit, List<Path> notebooks, Map<String, String> parameters) {
    /** How to call the runner. */
    public static final String USAGE = "usage: NotebookRunner --spec KERNELSPEC_FOLDER --out FOLDER"
            + " [--timeout SECONDS_PER_CELL] [-p NAME=VALUE ...] NOTEBOOK_OR_FOLDER...";

    private static final Duration DEFAULT_LIMIT = Duration.ofMinutes(10);

    /**
     * Reads a command line.
     *
     * @throws IllegalArgumentException where something is missing or unknown
     */
    public static RunnerOptions parse(String... arguments) throws IOException {
        Path spec = Path.of("");
        Path out = Path.of("");
        Duration limit = DEFAULT_LIMIT;
        List<Path> notebooks = new ArrayList<>();
        Map<String, String> parameters = new LinkedHashMap<>();
        Iterator<String> words = List.of(arguments).iterator();
        while (words.hasNext()) {
            String word = words.next();
            if (!word.startsWith("--") && !word.equals("-p")) {
                notebooks.addAll(notebooks(Path.of(word)));
                continue;
            }
            if (!words.hasNext()) {
                throw new IllegalArgumentException(word + " has no value; " + USAGE);
            }
            String value = words.next();
            switch (word) {
                case "--spec" -> spec = Path.of(value);
                case "--out" -> out = Path.of(value);
                case "-p" -> parameter(value, parameters);
                case "--timeout" -> limit = Duration.ofSeconds(Long.parseLong(value));
                default -> throw new IllegalArgumentException("there is no option " + word + "; " + USAGE);
            }
        }
        if (spec.toString().isEmpty() || out.toString().isEmpty() || notebooks.isEmpty()) {
            throw new IllegalArgumentException("--spec, --out and at least one notebook are needed; " + USAGE);
        }
        return new RunnerOptions(spec, out, limit, List.copyOf(notebooks), parameters);
    }

    private static void parameter(String text, Map<String, String> parameters) {
        int equals = text.indexOf('=');
        if (equals < 1 || !SourceVersion.isIdentifier(text.substring(0, equals))) {
            throw new IllegalArgumentException("'" + text + "' is no parameter: expected NAME=VALUE; " + USAGE);
        }
        parameters.put(text.substring(0, equals), text.substring(equals + 1));
    }

    /** A notebook, or all notebooks of a folder by name. */
    static List<Path> notebooks(Path path) throws IOException {
        if (Files.isRegularFile(path)) {
            return List.of(path);
        }
        if (!Files.isDirectory(path)) {
            throw new IllegalArgumentException("there is no notebook or folder " + path + "; correct the name");
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> file.toString().endsWith(".ipynb"))
                    .sorted()
                    .toList();
        }
    }
}
