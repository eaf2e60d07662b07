package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.RoutingTrace;

/**
 * Executed share of attention and MLP in a sliding window over the context (SkipGPT, 2025, figure 6).
 *
 * <p>Position p is the window of tokens p to p + window - 1; texts that end before it do not count, and n says how many
 * did.
 *
 * @param title what was read
 * @param window tokens of a window
 * @param attention mean executed share of attention at each position, 0..1
 * @param mlp the same of the MLP
 * @param attentionError standard error of the first over texts; 0 where n is 1
 * @param mlpError standard error of the second
 * @param texts n at each position
 * @param provenance what it was made from and on
 */
public record ContextDrift(
        String title,
        int window,
        double[] attention,
        double[] mlp,
        double[] attentionError,
        double[] mlpError,
        int[] texts,
        Provenance provenance)
        implements Finding {
    /** The paper's window in tokens. */
    public static final int PAPER_WINDOW = 100;

    /**
     * Drift over given texts.
     *
     * @param texts token ids; those shorter than the window do not count
     * @param window tokens of a window, 1 and more
     */
    public static ContextDrift of(LanguageModel model, List<int[]> texts, int window, ProgressObserver observer) {
        List<float[][]> executed = Runs.each("context drift", texts, observer, ids -> executed(model, ids));
        Provenance provenance = model.provenance("context drift, window " + window, texts);
        return of("Context drift, " + model.name(), executed, window, provenance);
    }

    /**
     * Drift while the model writes: each text is continued greedily, and positions count from the text's first token.
     *
     * @param texts token ids of the beginnings
     * @param tokens how many tokens are added at the most
     * @param window tokens of a window, 1 and more
     */
    public static ContextDrift generated(
            LanguageModel model, List<int[]> texts, int tokens, int window, ProgressObserver observer) {
        GenerationOptions options = GenerationOptions.defaults().withMaxTokens(tokens);
        List<float[][]> executed = Runs.each("context drift", texts, observer, ids -> {
            int[] added = model.generateIds(options, ids).continuations().get(0).tokens();
            int[] all = Arrays.copyOf(ids, ids.length + added.length);
            System.arraycopy(added, 0, all, ids.length, added.length);
            return executed(model, all);
        });
        Provenance provenance =
                model.provenance("context drift, window " + window + ", " + tokens + " tokens generated", texts);
        return of("Context drift while generating, " + model.name(), executed, window, provenance);
    }

    private static float[][] executed(LanguageModel model, int[] ids) {
        List<float[]> out = new ArrayList<>();
        RoutingTrace.of(model, ids).modules().forEach(module -> {
            float[] row = new float[ids.length];
            for (int t = 0; t < row.length; t++) {
                row[t] = module.executed()[t] ? 1 : 0;
            }
            out.add(row);
        });
        return out.toArray(float[][]::new);
    }

    /**
     * Drift of given decisions.
     *
     * @param executed for each text [modules in forward order, 2L][tokens]; 1 executed, 0 skipped
     * @param window tokens of a window, 1 and more
     * @throws IllegalArgumentException if no text is as long as the window
     */
    public static ContextDrift of(String title, List<float[][]> executed, int window, Provenance provenance) {
        if (window < 1) {
            throw new IllegalArgumentException("a window of " + window + " tokens is not allowed: expected 1 or more");
        }
        int longest = executed.stream().mapToInt(text -> text[0].length).max().orElse(0);
        if (longest < window) {
            throw new IllegalArgumentException("the longest text has " + longest + " tokens, fewer than a window of "
                    + window + ": give longer texts or a smaller window");
        }
        int positions = longest - window + 1;
        double[][] sums = new double[2][positions];
        double[][] squares = new double[2][positions];
        int[] n = new int[positions];
        for (float[][] text : executed) {
            for (int kind = 0; kind < 2; kind++) {
                double[] shares = windows(text, kind, window);
                for (int p = 0; p < shares.length; p++) {
                    sums[kind][p] += shares[p];
                    squares[kind][p] += shares[p] * shares[p];
                    n[p] += kind;
                }
            }
        }
        for (int kind = 0; kind < 2; kind++) {
            for (int p = 0; p < positions; p++) {
                sums[kind][p] /= n[p];
                double variance = Math.max(0, squares[kind][p] / n[p] - sums[kind][p] * sums[kind][p]);
                squares[kind][p] = n[p] < 2 ? 0 : Math.sqrt(variance / (n[p] - 1));
            }
        }
        return new ContextDrift(title, window, sums[0], sums[1], squares[0], squares[1], n, provenance);
    }

    /** Executed share of one kind of module in each window of one text. */
    private static double[] windows(float[][] text, int kind, int window) {
        int tokens = text[0].length;
        double[] running = new double[tokens + 1];
        for (int t = 0; t < tokens; t++) {
            double open = 0;
            for (int m = kind; m < text.length; m += 2) {
                open += text[m][t];
            }
            running[t + 1] = running[t] + 2 * open / text.length;
        }
        double[] shares = new double[Math.max(0, tokens - window + 1)];
        for (int p = 0; p < shares.length; p++) {
            shares[p] = (running[p + window] - running[p]) / window;
        }
        return shares;
    }

    /** The two shares against position, inside bands of one standard error. */
    @Override
    public Figure figure() {
        double[] x = new double[attention.length];
        for (int p = 0; p < x.length; p++) {
            x[p] = p;
        }
        String n = texts[0] + " texts at 0, " + texts[texts.length - 1] + " at " + (texts.length - 1);
        return LinePlot.of(title, "first token of the window of " + window + " (" + n + ")", "executed (%)")
                .withBand(
                        "attention",
                        x,
                        percent(attention),
                        bound(attention, attentionError, -1),
                        bound(attention, attentionError, 1))
                .withBand("MLP", x, percent(mlp), bound(mlp, mlpError, -1), bound(mlp, mlpError, 1));
    }

    private static double[] percent(double[] values) {
        return Arrays.stream(values).map(v -> 100 * v).toArray();
    }

    private static double[] bound(double[] values, double[] errors, int side) {
        double[] out = percent(values);
        for (int i = 0; i < out.length; i++) {
            out[i] += side * 100 * errors[i];
        }
        return out;
    }

    /** About twenty positions. */
    @Override
    public TextTable table() {
        return rows(Math.max(1, (attention.length + 19) / 20));
    }

    /** Every position. */
    @Override
    public TextTable data() {
        return rows(1);
    }

    private TextTable rows(int step) {
        TextTable.Builder table = TextTable.builder(
                title + ", window " + window,
                List.of(
                        Column.number("position", 0),
                        Column.number("attention", 4),
                        Column.number("attention error", 4),
                        Column.number("mlp", 4),
                        Column.number("mlp error", 4),
                        Column.number("texts", 0)));
        for (int p = 0; p < attention.length; p += step) {
            boolean one = texts[p] < 2; // which has no error
            table.add(p, attention[p], one ? null : attentionError[p], mlp[p], one ? null : mlpError[p], texts[p]);
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
