package org.skipgpt.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.skipgpt.report.Interruption;

/** llama.cpp, by its own {@code llama-bench}: one process a test and round, whose loading is not timed. */
public final class LlamaBench implements Contestant {
    private final Path program;
    private final Path file;
    private final int threads;
    private String build = "";
    private String type = "";

    /**
     * A program and what it runs.
     *
     * @param program {@code llama-bench}
     * @param file a GGUF file
     */
    public LlamaBench(Path program, Path file, int threads) {
        this.program = program;
        this.file = file;
        this.threads = threads;
    }

    @Override
    public String name() {
        return ("llama.cpp " + build).strip();
    }

    @Override
    public String dtype() {
        return type.isEmpty() ? String.valueOf(file.getFileName()) : type;
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public double seconds(SpeedTest test) {
        if (test.batch() > 1) {
            throw new BenchException(
                    "llama-bench times one text at a time, not " + test.name() + ": leave llama= out, or give batch=1");
        }
        boolean reads = test.kind() == SpeedTest.Kind.PREFILL;
        JsonObject row = run(List.of(
                program.toString(),
                "-m",
                file.toString(),
                "-p",
                "" + (reads ? test.tokens() : 0),
                "-n",
                "" + (reads ? 0 : test.tokens()),
                "-d",
                "" + test.depth(),
                "-r",
                "1",
                "-t",
                "" + threads,
                "-ngl",
                "0",
                "-o",
                "json"));
        return test.tokens() / row.get("avg_ts").getAsDouble();
    }

    private JsonObject run(List<String> command) {
        Interruption.check();
        String said = "";
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int code = process.waitFor();
            if (code != 0) {
                throw new BenchException(String.join(" ", command) + " ended with code " + code
                        + ": run it by hand to see what it says");
            }
            JsonArray rows = JsonParser.parseString(said).getAsJsonArray();
            JsonObject row = rows.get(0).getAsJsonObject();
            build = "b" + row.get("build_number").getAsInt();
            type = row.get("model_type").getAsString().replaceFirst("^\\S+ \\S+ ", "");
            return row;
        } catch (IOException e) {
            throw new BenchException(
                    "llama= must name llama-bench itself, but " + program + " does not start: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("llama-bench was waited for and interrupted", e);
        } catch (JsonParseException | IllegalStateException | IndexOutOfBoundsException | NullPointerException e) {
            throw new BenchException(
                    program + " did not write llama-bench's JSON (avg_ts, build_number, model_type) but: "
                            + said.substring(0, Math.min(said.length(), 200)),
                    e);
        }
    }

    @Override
    public void close() {
        // Each test's process ends by itself.
    }
}
