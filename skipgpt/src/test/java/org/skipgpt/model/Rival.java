package org.skipgpt.model;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Hugging Face transformers in a process of its own, timing what it is told to; see src/bench/hf_speed.py. */
final class Rival implements AutoCloseable {
    private final Process process;
    private final BufferedReader in;
    private final Writer out;
    private final String versions;

    private Rival(Process process) throws IOException {
        this.process = process;
        this.in = process.inputReader();
        this.out = process.outputWriter();
        this.versions = in.readLine();
    }

    static Rival start(DecoderConfig c, int threads, BenchmarkClock clock) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(System.getProperty("skipgpt.python", "python3"), "src/bench/hf_speed.py"));
        for (int n : new int[] {c.width(), c.hidden(), c.layers(), c.heads(), c.kvHeads(), c.vocabulary(), threads}) {
            command.add(Integer.toString(n));
        }
        command.add(clock.name());
        return new Rival(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    String versions() {
        return versions;
    }

    double seconds(String command) throws IOException {
        out.write(command + "\n");
        out.flush();
        return Double.parseDouble(in.readLine());
    }

    static long ownPeakKib() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElse(0);
    }

    @Override
    public void close() throws IOException {
        out.close();
        process.destroy();
    }
}
