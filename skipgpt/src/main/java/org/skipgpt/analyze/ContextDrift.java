package org.skipgpt.analyze;

import java.util.List;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;

/**
 * Executed share of attention and MLP in a sliding window over the context (SkipGPT, 2025, figure 6).
 *
 * <p>Position p is the window of tokens p to p + window - 1; texts that end before it do not count, and n says how many
 * did.
 *
 * @param window tokens of a window
 * @param attention mean executed share of attention at each position, 0..1
 * @param mlp the same of the MLP
 * @param texts n at each position
 */
public record ContextDrift(int window, double[] attention, double[] mlp, int[] texts) implements Report {
    /** The paper's window in tokens. */
    public static final int PAPER_WINDOW = 100;

    /**
     * Drift of some texts.
     *
     * @param executed for each text [modules in forward order, 2L][tokens]; 1 executed, 0 skipped
     * @param window tokens of a window, 1 and more
     */
    public static ContextDrift of(List<float[][]> executed, int window) {
        if (window < 1) {
            throw new IllegalArgumentException("a window of " + window + " tokens is not allowed: expected 1 or more");
        }
        int longest = executed.stream().mapToInt(text -> text[0].length).max().orElse(0);
        int positions = Math.max(0, longest - window + 1);
        double[][] sums = new double[2][positions];
        int[] n = new int[positions];
        for (float[][] text : executed) {
            int tokens = text[0].length;
            for (int kind = 0; kind < 2; kind++) {
                double[] share = new double[tokens + 1]; // running sum of the share executed at each token
                for (int t = 0; t < tokens; t++) {
                    double open = 0;
                    for (int m = kind; m < text.length; m += 2) {
                        open += text[m][t];
                    }
                    share[t + 1] = share[t] + 2 * open / text.length;
                }
                for (int p = 0; p + window <= tokens; p++) {
                    sums[kind][p] += (share[p + window] - share[p]) / window;
                }
            }
            for (int p = 0; p + window <= tokens; p++) {
                n[p]++;
            }
        }
        for (int p = 0; p < positions; p++) {
            sums[0][p] /= n[p];
            sums[1][p] /= n[p];
        }
        return new ContextDrift(window, sums[0], sums[1], n);
    }

    /** The two shares against position. */
    public Figure figure() {
        double[] x = new double[attention.length];
        for (int p = 0; p < x.length; p++) {
            x[p] = p;
        }
        return LinePlot.of("context drift, window " + window, "first token of the window", "executed share")
                .withLine("attention", x, attention)
                .withLine("mlp", x, mlp);
    }

    /** Every position with its n. */
    public TextTable table() {
        TextTable table = TextTable.of(
                "context drift, window " + window,
                Column.number("position", 0),
                Column.number("attention", 4),
                Column.number("mlp", 4),
                Column.number("texts", 0));
        int step = Math.max(1, attention.length / 20);
        for (int p = 0; p < attention.length; p += step) {
            table = table.withRow(p, attention[p], mlp[p], texts[p]);
        }
        return table;
    }

    @Override
    public String text() {
        return table().text();
    }

    @Override
    public String toString() {
        return text();
    }
}
