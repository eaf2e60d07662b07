package org.skipgpt.studies;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Torch;

/** A script of src/bench in a process of its own, timing what it is told to. */
public final class Rival implements AutoCloseable {
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

    /**
     * Starts a script with random weights of a shape.
     *
     * @param python its interpreter
     * @param more what the script takes behind the shape and the number of threads
     */
    public static Rival start(String python, String script, DecoderConfig c, Object... more) throws IOException {
        List<String> command = new ArrayList<>(List.of(python, "src/bench/" + script));
        for (int n :
                new int[] {c.width(), c.hidden(), c.layers(), c.heads(), c.kvHeads(), c.vocabulary(), Torch.threads()
                }) {
            command.add(Integer.toString(n));
        }
        for (Object argument : more) {
            command.add(argument.toString());
        }
        return of(command);
    }

    /** Starts any program that writes a line when it is ready and then answers lines. */
    static Rival of(List<String> command) throws IOException {
        return new Rival(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    /** The first line: versions of its libraries. */
    public String versions() {
        return versions;
    }

    /** What it answers to a line, seconds mostly. */
    public double seconds(String command) throws IOException {
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
