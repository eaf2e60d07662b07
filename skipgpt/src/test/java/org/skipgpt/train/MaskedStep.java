package org.skipgpt.train;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.skipgpt.model.BenchmarkClock;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.torch.Torch;

/** Router steps in the masked arithmetic of the authors' code, in Python ({@code src/bench/masked_step.py}). */
final class MaskedStep implements AutoCloseable {
    /** How texts of unequal lengths come together. */
    enum Form {
        /** One batch, padded to the longest. */
        TOGETHER,
        /** One text at a time, gradients accumulated, as the authors' settings have it. */
        SINGLE
    }

    private final Process process;
    private final BufferedReader in;
    private final Writer out;
    private final String versions;

    private MaskedStep(Process process) throws IOException {
        this.process = process;
        this.in = process.inputReader();
        this.out = process.outputWriter();
        this.versions = in.readLine();
    }

    /**
     * Starts it with random weights.
     *
     * @param open shares of rows that execute attention and the MLP
     */
    static MaskedStep start(String python, DecoderConfig shape, double[] open, BenchmarkClock clock)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(python, "src/bench/masked_step.py"));
        for (int n : new int[] {
            shape.width(),
            shape.hidden(),
            shape.layers(),
            shape.heads(),
            shape.kvHeads(),
            shape.vocabulary(),
            Torch.threads()
        }) {
            command.add(Integer.toString(n));
        }
        command.add(Double.toString(open[0]));
        command.add(Double.toString(open[1]));
        command.add(clock.name());
        return new MaskedStep(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    /** Seconds of one step over texts of as many inputs. */
    double seconds(Form form, int[] lengths) throws IOException {
        String numbers = Arrays.stream(lengths).mapToObj(Integer::toString).collect(Collectors.joining(" "));
        out.write((form == Form.TOGETHER ? "together " : "single ") + numbers + "\n");
        out.flush();
        return Double.parseDouble(in.readLine());
    }

    String versions() {
        return versions;
    }

    @Override
    public void close() {
        process.destroy();
    }
}
