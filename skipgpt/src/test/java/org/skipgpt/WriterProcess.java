package org.skipgpt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.skipgpt.data.DataException;
import org.skipgpt.io.CheckpointException;

/**
 * A process of its own that writes with all writers in turn, again and again.
 *
 * <p>It tells one line a write: {@code ok}, {@code told} (refused with an error of ours that names the place) or {@code raw}.
 */
public final class WriterProcess implements AutoCloseable {
    private static final String READY = "ready";

    private final Process process;
    private final BufferedReader out;

    private WriterProcess(Process process) {
        this.process = process;
        this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Starts one and waits until it is ready to write.
     *
     * @param options of the JVM
     * @param first number that it writes, and then every second one
     * @param rounds numbers that it writes; it ends after them
     * @param writers some of {@link Writers}, or some of {@link EngineWriters}
     */
    static WriterProcess start(List<String> options, Path folder, int first, int rounds, List<Writer> writers)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
        command.addAll(options);
        // Most of a short life is the start: the first compiler alone is the fastest.
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "-Dai.djl.offline=true"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), WriterProcess.class.getName()));
        command.addAll(List.of(folder.toString(), "" + first, "" + rounds));
        writers.forEach(writer -> command.add(writer.name()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        WriterProcess started = new WriterProcess(process);
        for (String line = started.line(); !line.equals(READY); line = started.line()) {
            if (line.isEmpty() && !process.isAlive()) {
                throw new IllegalStateException("a writing process ended before it began");
            }
        }
        return started;
    }

    private String line() throws IOException {
        return Objects.requireNonNullElse(out.readLine(), "");
    }

    /** Lets it begin. */
    void go() throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
    }

    /** Ends it as a machine that runs out of memory does, at whatever it is. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** What it has told, to its end. */
    List<String> told() throws IOException, InterruptedException {
        List<String> lines = out.lines().toList();
        int code = process.waitFor();
        if (code != 0) {
            throw new IllegalStateException("a writing process ended with code " + code);
        }
        return lines;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    /** The process itself. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        int first = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        List<String> names = List.of(arguments).subList(3, arguments.length);
        List<Writer> plain = some(Writers.all(), names);
        if (!plain.isEmpty()) {
            write(plain, folder, first, rounds);
            return;
        }
        try (EngineWriters writers = new EngineWriters()) {
            write(some(writers.all(), names), folder, first, rounds);
        }
    }

    private static List<Writer> some(List<Writer> all, List<String> names) {
        return all.stream().filter(writer -> names.contains(writer.name())).toList();
    }

    private static void write(List<Writer> writers, Path folder, int first, int rounds) throws IOException {
        Path warm = Files.createTempDirectory("warm");
        for (Writer writer : writers) {
            write(writer, warm, first);
        }
        FuzzKept.removeAll(warm);
        System.out.println(READY);
        if (System.in.read() < 0) {
            throw new IllegalStateException("nobody says go");
        }
        for (int i = 0; i < rounds; i++) {
            for (Writer writer : writers) {
                System.out.println(write(writer, folder, first + 2 * i));
            }
        }
    }

    private static String write(Writer writer, Path folder, int number) throws IOException {
        Path target = writer.target(folder, number);
        Files.createDirectories(target.resolveSibling(""));
        String what = writer.name().replace(' ', '_') + " " + number + " ";
        try {
            writer.write().to(target, number);
            return what + "ok";
        } catch (CheckpointException | DataException e) {
            String message = String.valueOf(e.getMessage());
            boolean isNamed = message.contains(String.valueOf(target.getFileName()))
                    || message.contains("folder " + target.getParent())
                    || message.startsWith("Another download of");
            return what + (isNamed ? "told " : "raw without the place's name: ") + e;
        } catch (RuntimeException | IOException e) {
            return what + "raw " + e;
        }
    }
}
