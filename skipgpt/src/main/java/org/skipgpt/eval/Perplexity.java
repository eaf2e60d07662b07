package org.skipgpt.eval;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.model.Interruption;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Observer;
import org.skipgpt.report.Progress;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;

/**
 * Perplexity of a text: rows joined, tokenised once, cut into windows that do not overlap, the tail dropped.
 *
 * <p>{@code perplexity = exp(mean nats over the window-1 predictions of every window)}; a bits-a-byte value takes the
 * tokens a byte of the whole text: {@code nats * tokens / bytes / ln 2}.
 *
 * @param model the model's name
 * @param data what was read
 * @param options every choice
 * @param window tokens of a window as used
 * @param windows windows scored
 * @param tokens tokens of the whole text
 * @param bytes bytes of the whole text in UTF-8
 * @param nats mean negative log-likelihood of a predicted token
 * @param isComplete whether every window was scored
 * @param provenance what it was made from and on
 */
public record Perplexity(
        String model,
        String data,
        PerplexityOptions options,
        int window,
        int windows,
        long tokens,
        long bytes,
        double nats,
        boolean isComplete,
        Provenance provenance)
        implements Report {
    /**
     * Perplexity of a plain text file, one row a line.
     *
     * @throws TaskException if the file cannot be read as UTF-8 or is shorter than one window
     */
    public static Perplexity of(LanguageModel model, Path file, PerplexityOptions options, Observer observer) {
        try {
            String text = joined(Files.readString(file), options);
            return of(model, String.valueOf(file.getFileName()), text, options, observer);
        } catch (IOException e) {
            throw new TaskException(file + " cannot be read as UTF-8 text: " + e, e);
        }
    }

    /** The text of a file's rows under the given joiner. */
    static String joined(String content, PerplexityOptions options) {
        List<String> rows = new ArrayList<>();
        content.lines()
                .forEach(line -> rows.add(line.isBlank() ? "" : options.keepsLineEnds() ? line + "\n" : line.strip()));
        return String.join(options.joiner(), rows);
    }

    /** Perplexity of a text as it stands; {@code name} is what tables call it. */
    public static Perplexity of(
            LanguageModel model, String name, String text, PerplexityOptions options, Observer observer) {
        long start = System.nanoTime();
        int context = model.config().maxPositions();
        int window = options.window() == 0 ? context : Math.min(context, options.window());
        int[] ids = tokens(model.tokenizer(), text, options.bos());
        List<int[]> windows = windows(model.tokenizer(), ids, window, options.bos());
        if (windows.isEmpty()) {
            throw new TaskException("text \"" + name + "\" has " + ids.length + " tokens, less than one window of "
                    + window + "; give a longer text or a smaller window");
        }
        double nats = 0;
        int done = 0;
        try {
            for (int[] one : windows) {
                Interruption.check();
                for (float value : model.logProbabilities(one)[0]) {
                    nats -= value;
                }
                done++;
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(new Progress("perplexity of " + name, done, windows.size(), "windows", seconds, ""));
            }
        } catch (CancellationException e) {
            if (done == 0) {
                throw e;
            }
        }
        Provenance provenance =
                model.provenance(options.toString()).withData(name, "").withSeconds((System.nanoTime() - start) / 1e9);
        double mean = nats / ((long) done * (window - 1));
        long bytes = text.getBytes(StandardCharsets.UTF_8).length;
        return new Perplexity(
                model.name(), name, options, window, done, ids.length, bytes, mean, done == windows.size(), provenance);
    }

    static int[] tokens(Tokenizer tokenizer, String text, PerplexityOptions.Bos bos) {
        return bos == PerplexityOptions.Bos.TEXT ? tokenizer.encodeWithBos(text) : tokenizer.encode(text);
    }

    static List<int[]> windows(Tokenizer tokenizer, int[] ids, int window, PerplexityOptions.Bos bos) {
        boolean marked = bos == PerplexityOptions.Bos.WINDOW;
        int step = marked ? window - 1 : window;
        List<int[]> windows = new ArrayList<>();
        for (int from = 0; from + step <= ids.length; from += step) {
            int[] one = Arrays.copyOfRange(ids, from, from + step);
            if (marked) {
                int[] with = new int[window];
                with[0] = tokenizer
                        .bos()
                        .orElseThrow(() -> new TaskException("this tokenizer has no beginning mark; use Bos.TEXT"));
                System.arraycopy(one, 0, with, 1, step);
                one = with;
            }
            windows.add(one);
        }
        return windows;
    }

    /** exp of the mean nats. */
    public double perplexity() {
        return Math.exp(nats);
    }

    /** Mean bits a byte of the text; compares models of different tokenizers. */
    public double bitsPerByte() {
        return nats * tokens / bytes / Math.log(2);
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s on %s: perplexity %.4f, %.4f nats a token, %.4f bits a byte%s%n"
                        + "  %d windows of %d tokens (%d tokens, %d bytes in all; the rest dropped)%n"
                        + "  joiner %s, line ends kept: %s, beginning mark: %s; %.1f s",
                model,
                data,
                perplexity(),
                nats,
                bitsPerByte(),
                isComplete ? "" : ", stopped before the end",
                windows,
                window,
                tokens,
                bytes,
                options.joiner().replace("\n", "\\n"),
                options.keepsLineEnds(),
                options.bos(),
                provenance.seconds());
    }

    @Override
    public String toString() {
        return text();
    }
}
