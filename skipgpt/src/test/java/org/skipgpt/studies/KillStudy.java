package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.skipgpt.EngineWriters;
import org.skipgpt.FuzzKept;
import org.skipgpt.Kills;
import org.skipgpt.Writer;
import org.skipgpt.Writers;

/**
 * By hand: kills processes while they write with every writer, and lets two of them write into the same places at once.
 *
 * <p>Arguments: kills of each writer, races, rounds of a race, a seed, and names of writers if some alone are wanted. Prints for every writer what came of it; what must
 * not be begins with a capital.
 */
public final class KillStudy {
    private static final int WITHIN_MILLIS = 150;

    private KillStudy() {}

    /** Runs the study. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        int kills = Integer.parseInt(arguments[0]);
        int races = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        long seed = Long.parseLong(arguments[3]);
        List<String> names = List.of(arguments).subList(4, arguments.length);
        run(wanted(Writers.all(), names), kills, races, rounds, seed);
        try (EngineWriters writers = new EngineWriters()) {
            run(wanted(writers.all(), names), kills, races, rounds, seed);
        }
    }

    private static List<Writer> wanted(List<Writer> all, List<String> names) {
        return all.stream()
                .filter(writer -> names.isEmpty() || names.contains(writer.name()))
                .toList();
    }

    private static void run(List<Writer> writers, int kills, int races, int rounds, long seed)
            throws IOException, InterruptedException {
        if (writers.isEmpty()) {
            return;
        }
        for (Writer writer : writers) {
            // One alone in its process, so that every kill falls into a write of its.
            try (Kills study = new Kills(List.of(writer), seed)) {
                for (int i = 0; i < kills; i++) {
                    Path folder = Files.createTempDirectory("kills");
                    study.kill(folder, WITHIN_MILLIS);
                    FuzzKept.removeAll(folder);
                }
                print("kills", study);
            }
        }
        try (Kills study = new Kills(writers, seed)) {
            for (int i = 0; i < races; i++) {
                Path folder = Files.createTempDirectory("races");
                study.race(folder, rounds);
                FuzzKept.removeAll(folder);
            }
            print("races", study);
        }
    }

    private static void print(String what, Kills study) {
        study.counts().forEach((writer, counts) -> System.out.println(what + " · " + writer + ": " + counts));
    }
}
