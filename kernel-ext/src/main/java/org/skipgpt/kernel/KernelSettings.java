package org.skipgpt.kernel;

import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the environment asks of the kernel, by the names IJava uses.
 *
 * @param classpath {@code IJAVA_CLASSPATH}: jars and folders for cells, separated like a class path; globs allowed
 * @param compilerOptions {@code IJAVA_COMPILER_OPTS}: options of {@code javac}, separated by blanks
 * @param startupScripts {@code IJAVA_STARTUP_SCRIPTS_PATH}: files run before the first cell; globs allowed
 * @param startupCode {@code IJAVA_STARTUP_SCRIPT}: code run before the first cell
 * @param timeout {@code IJAVA_TIMEOUT}: limit for one cell, e.g. {@code 30 SECONDS}, milliseconds where no unit is named;
 *     below 1 there is none
 */
public record KernelSettings(
        List<Path> classpath,
        List<String> compilerOptions,
        List<Path> startupScripts,
        String startupCode,
        Duration timeout) {
    private static final Pattern TIMEOUT = Pattern.compile("(-?\\d+)\\s*([A-Za-z]*)");

    /** Reads the settings of an environment. */
    public static KernelSettings of(Map<String, String> env) {
        return new KernelSettings(
                paths(env.getOrDefault("IJAVA_CLASSPATH", "")),
                Stream.of(env.getOrDefault("IJAVA_COMPILER_OPTS", "").strip().split("\\s+"))
                        .filter(option -> !option.isEmpty())
                        .toList(),
                paths(env.getOrDefault("IJAVA_STARTUP_SCRIPTS_PATH", "")),
                env.getOrDefault("IJAVA_STARTUP_SCRIPT", ""),
                timeout(env.getOrDefault("IJAVA_TIMEOUT", "-1")));
    }

    private static Duration timeout(String text) {
        Matcher matcher = TIMEOUT.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException("IJAVA_TIMEOUT is '" + text
                    + "': expected a number with an optional unit, e.g. 5000 or 30 SECONDS; correct it or unset it");
        }
        long amount = Math.max(0, Long.parseLong(matcher.group(1)));
        String unit = matcher.group(2).toUpperCase(Locale.ROOT);
        try {
            return Duration.of(
                    amount, (unit.isEmpty() ? TimeUnit.MILLISECONDS : TimeUnit.valueOf(unit)).toChronoUnit());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "IJAVA_TIMEOUT has the unit '" + unit + "': expected one of " + Arrays.toString(TimeUnit.values()),
                    e);
        }
    }

    /** Expands a list of paths and globs, separated like a class path. */
    public static List<Path> paths(String list) {
        List<Path> found = new ArrayList<>();
        for (String entry : list.split(Pattern.quote(File.pathSeparator))) {
            if (!entry.isBlank()) {
                found.addAll(expand(entry.strip()));
            }
        }
        return found;
    }

    private static List<Path> expand(String entry) {
        if (entry.endsWith("/") && Files.isDirectory(Path.of(entry))) {
            return expand(entry + "*.jar"); // as IJava and JJava have it: all jars of a folder
        }
        int star = indexOfGlob(entry);
        if (star < 0) {
            return List.of(Path.of(entry));
        }
        Path folder = Path.of(entry.substring(0, entry.lastIndexOf('/', star) + 1));
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + entry);
        int depth = entry.contains("**")
                ? 16
                : (int) entry.substring(star).chars().filter(c -> c == '/').count() + 1;
        try (Stream<Path> files = Files.walk(folder, depth)) {
            return files.filter(matcher::matches).sorted().toList();
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "the class path entry " + entry + " cannot be listed; check the folder", e);
        }
    }

    private static int indexOfGlob(String entry) {
        for (int i = 0; i < entry.length(); i++) {
            if ("*?[{".indexOf(entry.charAt(i)) >= 0) {
                return i;
            }
        }
        return -1;
    }
}
