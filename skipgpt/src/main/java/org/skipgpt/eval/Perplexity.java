package org.skipgpt.eval;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.skipgpt.data.DataRow;
import org.skipgpt.data.DataRows;
import org.skipgpt.model.InFlight;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.Sha256;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.StopOnExit;

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
 * @param windowNats the same of each window, in order
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
        List<Double> windowNats,
        boolean isComplete,
        Provenance provenance)
        implements Report {
    private static final String EXPECTED = "give a UTF-8 text, one row a line, or .jsonl, .csv or .parquet records with"
            + " a field text or sentence; evaluate(model, \"wikitext2\") finds a known text by its name";

    /** Copies the list. */
    public Perplexity {
        windowNats = List.copyOf(windowNats);
    }

    /**
     * Perplexity of a file: plain text, one row a line, or records with a field {@code text} or {@code sentence}.
     *
     * @throws TaskException if the file cannot be read or is shorter than one window
     */
    public static Perplexity of(LanguageModel model, Path file, PerplexityOptions options, ProgressObserver observer) {
        return of(model, String.valueOf(file.getFileName()), file, options, observer);
    }

    /** The same; {@code name} is what tables call it. */
    static Perplexity of(
            LanguageModel model, String name, Path file, PerplexityOptions options, ProgressObserver observer) {
        Perplexity read = of(model, name, read(file, options), options, observer);
        return read.from(file);
    }

    private Perplexity from(Path file) {
        return new Perplexity(
                model,
                data,
                options,
                window,
                windows,
                tokens,
                bytes,
                nats,
                windowNats,
                isComplete,
                provenance.withData(file.toString(), Sha256.of(file)));
    }

    /** The rows of a file, joined. */
    static String read(Path file, PerplexityOptions options) {
        if (Files.isDirectory(file)) {
            throw new TaskException(file + " is a folder, not a text: " + EXPECTED);
        }
        if (!Files.exists(file)) {
            throw new TaskException("no text at " + file + ", there is no such file: " + EXPECTED);
        }
        try {
            if (DataRows.isPlain(file)) {
                return joined(DataRows.text(file), options);
            }
            List<String> rows = new ArrayList<>();
            try (Stream<DataRow> records = DataRows.open(file)) {
                records.forEach(row -> rows.add(row.text("text")
                        .or(() -> row.text("sentence"))
                        .orElseThrow(() ->
                                new TaskException(row.file() + ":" + row.line() + ": neither text nor sentence; it has "
                                        + row.fields().keySet()))));
            }
            return joined(rows, options);
        } catch (IOException e) {
            throw new TaskException(file + " cannot be read, " + FileFault.reason(e) + ": " + EXPECTED, e);
        }
    }

    /** The text of a file's rows under the given joiner. */
    static String joined(String content, PerplexityOptions options) {
        return joined(content.lines().toList(), options);
    }

    private static String joined(List<String> rows, PerplexityOptions options) {
        return rows.stream()
                .map(row -> row.endsWith("\n") ? row.substring(0, row.length() - 1) : row)
                .map(row -> row.isBlank() ? "" : options.keepsLineEnds() ? row + "\n" : row.strip())
                .collect(Collectors.joining(options.joiner()));
    }

    /** Perplexity of a text as it stands; {@code name} is what tables call it. */
    public static Perplexity of(
            LanguageModel model, String name, String text, PerplexityOptions options, ProgressObserver observer) {
        long start = System.nanoTime();
        int context = model.config().maxPositions();
        int window = options.window() == 0 ? context : Math.min(context, options.window());
        int[] ids = tokens(model.tokenizer(), text, options.bos());
        List<int[]> windows = windows(model.tokenizer(), ids, window, options.bos());
        if (windows.isEmpty()) {
            throw new TaskException("text \"" + name + "\" has " + ids.length + " tokens, less than one window of "
                    + window + "; give a longer text or a smaller window");
        }
        List<Double> each = new ArrayList<>();
        try (StopOnExit guard = new StopOnExit()) {
            NDManager owner = model.decoder().weights().manager();
            InFlight.run(owner, windows, one -> model.logProbabilities(one)[0], (one, values) -> {
                double nats = 0;
                for (float value : values) {
                    nats -= value;
                }
                each.add(nats / (window - 1));
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(
                        new Progress("perplexity of " + name, each.size(), windows.size(), "windows", seconds, ""));
            });
        } catch (CancellationException e) {
            if (each.isEmpty()) {
                throw e;
            }
        }
        Provenance provenance =
                model.provenance(options.toString()).withData(name, "").withSeconds((System.nanoTime() - start) / 1e9);
        double mean = each.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
        long bytes = text.getBytes(StandardCharsets.UTF_8).length;
        return new Perplexity(
                model.name(),
                name,
                options,
                window,
                each.size(),
                ids.length,
                bytes,
                mean,
                each,
                each.size() == windows.size(),
                provenance);
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

    /** Nats of each window less those of another model's same window. */
    double[] differences(Perplexity other) {
        int shared = Math.min(windows, other.windows);
        return IntStream.range(0, shared)
                .mapToDouble(i -> windowNats.get(i) - other.windowNats.get(i))
                .toArray();
    }

    /** Every number and every choice. */
    JsonObject json() {
        JsonObject out = new JsonObject();
        out.addProperty("model", model);
        out.addProperty("data", data);
        out.addProperty("perplexity", perplexity());
        out.addProperty("nats", nats);
        out.addProperty("bits_per_byte", bitsPerByte());
        out.addProperty("window", window);
        out.addProperty("windows", windows);
        out.addProperty("tokens", tokens);
        out.addProperty("bytes", bytes);
        out.addProperty("joiner", options.joiner());
        out.addProperty("keeps_line_ends", options.keepsLineEnds());
        out.addProperty("bos", options.bos().name());
        out.addProperty("complete", isComplete);
        out.addProperty("seconds", provenance.seconds());
        return out;
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s on %s%s: perplexity %.4f, %.4f nats a token, %.4f bits a byte%s%n"
                        + "  %d windows of %d tokens (%d tokens, %d bytes in all; the rest dropped)%n"
                        + "  joiner %s, line ends kept: %s, beginning mark: %s; %.1f s",
                model,
                data,
                WorldData.mark(provenance.dataHash()),
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
