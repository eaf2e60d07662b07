package org.skipgpt.studies;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.skipgpt.Closings;

/**
 * By hand: in each of some JVMs, closes workspaces, models, sessions and tuned models while threads compute with them.
 *
 * <p>Arguments: JVMs, closings in each; 20 and 20 where they are left out. Prints how the JVMs ended and what threads were
 * told.
 */
public final class ClosingStudy {
    private ClosingStudy() {}

    /** Runs the study, or with {@code child SEED CLOSINGS} one of its JVMs. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length > 0 && args[0].equals("child")) {
            child(Long.parseLong(args[1]), Integer.parseInt(args[2]));
            return;
        }
        int machines = args.length > 0 ? Integer.parseInt(args[0]) : 20;
        int closings = args.length > 1 ? Integer.parseInt(args[1]) : 20;
        Map<String, Integer> ends = new TreeMap<>();
        Map<String, Integer> told = new TreeMap<>();
        for (int seed = 0; seed < machines; seed++) {
            Process process = new ProcessBuilder(command(seed, closings))
                    .redirectErrorStream(true)
                    .start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int code = process.waitFor();
            ends.merge(code == 0 ? "ended well" : "ended with code " + code, 1, Integer::sum);
            out.lines().filter(line -> line.startsWith("= ")).forEach(line -> {
                String[] parts = line.substring(2).split(" ", 2);
                told.merge(parts[1], Integer.parseInt(parts[0]), Integer::sum);
            });
            // all so far, as a study that is stopped shall not have been for nothing
            System.out.println("JVM " + seed + ": code " + code + (code == 0 ? "" : " " + why(out)) + "; so far "
                    + (seed + 1) + " JVMs, " + closings + " closings each: " + ends + ", threads " + told);
        }
    }

    // the native runtime's or the JVM's first words about the end
    private static String why(String out) {
        return out.lines()
                .filter(line -> line.contains("SIG") || line.contains("terminate") || line.contains("Exception"))
                .findFirst()
                .orElse("");
    }

    private static List<String> command(int seed, int closings) {
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + "/bin/java");
        command.addAll(List.of("-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/null"));
        command.addAll(List.of("-Dai.djl.offline=true", "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(ClosingStudy.class.getName(), "child", "" + seed, "" + closings));
        return command;
    }

    private static void child(long seed, int closings) throws IOException, InterruptedException {
        Closings all = new Closings(seed, Files.createTempDirectory("closings"));
        Closings.Kind[] kinds = Closings.Kind.values();
        for (int i = 0; i < closings; i++) {
            all.close(kinds[i % kinds.length]);
        }
        all.told().forEach((words, count) -> System.out.println("= " + count + " " + words.replace('\n', ' ')));
    }
}
