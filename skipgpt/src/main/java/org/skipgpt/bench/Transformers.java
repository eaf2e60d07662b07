package org.skipgpt.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.skipgpt.report.Interruption;

/** Hugging Face transformers in a Python process that stays for all rounds. */
public final class Transformers implements Contestant {
    private static final String SCRIPT = "transformers_speed.py";

    private final Path script;
    private final Process process;
    private final BufferedReader answers;
    private final Writer asks;
    private final String versions;
    private final String dtype;
    private final int threads;

    private Transformers(Path script, Process process, String dtype, int threads) throws IOException {
        this.script = script;
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.asks = process.outputWriter(StandardCharsets.UTF_8);
        this.dtype = dtype;
        this.threads = threads;
        this.versions = answer();
    }

    /**
     * Starts Python and loads a model.
     *
     * @param python an interpreter with torch and transformers
     * @param model a Hugging Face folder
     * @param dtype fp32, bf16 or fp16
     * @throws BenchException if it does not start; what Python says stands in the console
     */
    public static Transformers start(String python, String model, String dtype, int threads) {
        try (InputStream in = Transformers.class.getResourceAsStream(SCRIPT)) {
            Path script = Files.createTempFile("transformers-speed", ".py");
            try {
                Files.write(script, in.readAllBytes());
                Process process = new ProcessBuilder(
                                List.of(python, script.toString(), model, dtype, Integer.toString(threads)))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                return new Transformers(script, process, dtype, threads);
            } catch (IOException | RuntimeException e) {
                Files.deleteIfExists(script);
                throw e;
            }
        } catch (IOException e) {
            throw new BenchException(
                    "python= must name a Python with torch and transformers, but " + python + " does not start: "
                            + e.getMessage(),
                    e);
        }
    }

    private String answer() {
        Interruption.check();
        try {
            String line = answers.readLine();
            if (line == null) {
                throw new BenchException("the Python process of transformers ended; what it said stands above");
            }
            return line;
        } catch (IOException e) {
            throw new BenchException("the Python process of transformers cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public String name() {
        return versions;
    }

    @Override
    public String dtype() {
        return dtype;
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public double seconds(SpeedTest test) {
        try {
            asks.write((test.kind() == SpeedTest.Kind.PREFILL ? "prefill " : "decode ") + test.batch() + " "
                    + Math.max(1, test.depth()) + " " + test.tokens() + "\n");
            asks.flush();
        } catch (IOException e) {
            throw new BenchException("the Python process of transformers cannot be asked: " + e.getMessage(), e);
        }
        return Double.parseDouble(answer());
    }

    @Override
    public void close() {
        process.destroy();
        try {
            Files.deleteIfExists(script);
        } catch (IOException e) {
            // A script left in the folder for temporary files does no harm.
        }
    }
}
