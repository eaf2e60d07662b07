package org.skipgpt.studies;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times two builds of the library in turns, each in a JVM of its own, so that whatever else the machine does falls on both: what a
 * change costs, part by part. A measurement, not a test, run in the folder of this module:
 *
 * <pre>
 * java -Dskipgpt.repeats=9 org.skipgpt.studies.BuildTimes OLD_CLASSES NEW_CLASSES MODEL [PART...]
 * </pre>
 *
 * <p>The two are folders of compiled classes, or jars; what they need besides is this program's own class path, behind them.
 */
final class BuildTimes {
    private static final List<String> PARTS = List.of(
            "prefill 1 x 1024",
            "prefill 1 x 1024, skipping",
            "prefill 4 x 512",
            "prefill 4 x 512, skipping",
            "decode 32",
            "decode 32, skipping",
            "router step",
            "LoRA step",
            "scoring");

    private BuildTimes() {}

    public static void main(String[] arguments) throws IOException {
        String model = arguments[2];
        List<String> parts = arguments.length > 3 ? List.of(arguments).subList(3, arguments.length) : PARTS;
        try (Rival old = build(arguments[0], model);
                Rival now = build(arguments[1], model)) {
            System.out.println("| part | old ms | new ms | old / new | spread |\n|---|---|---|---|---|");
            for (String part : parts) {
                Turns turns = Turns.of(List.of(() -> old.seconds(part), () -> now.seconds(part)));
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %.1f | %.1f | %.3f | %.1f %% |%n",
                        part,
                        1e3 * turns.of(0),
                        1e3 * turns.of(1),
                        turns.of(0) / turns.of(1),
                        100 * turns.spread());
            }
        }
    }

    private static Rival build(String classes, String model) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of("--add-modules", "jdk.incubator.vector", "-Xmx6g"));
        // The build first, so that of classes that are in both its own are taken.
        command.addAll(List.of("-cp", classes + File.pathSeparator + System.getProperty("java.class.path")));
        command.addAll(List.of("src/bench/BuildParts.java", model, "../datasets/world/hellaswag.jsonl"));
        return Rival.of(command);
    }
}
