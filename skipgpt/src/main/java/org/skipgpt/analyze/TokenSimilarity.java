package org.skipgpt.analyze;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.plot.Heatmap;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;

/**
 * How little each module changes each token: {@code C(i,t) = cos(x(i,t), x(i+1,t))} with x the residual stream around
 * module i (SkipGPT, 2025, Eq. 1; figures 2 and 8 to 11).
 *
 * <pre>{@code
 * TokenSimilarity.of(model, model.tokenizer().encodeWithBos("Once upon a time")).figure().save(Path.of("fig2.png"));
 * }</pre>
 *
 * @param model the model's name
 * @param pieces the T tokens as the vocabulary spells them
 * @param sites the 2L modules in forward order
 * @param cosine [2L][T], -1..1
 */
public record TokenSimilarity(String model, List<String> pieces, List<ModuleSite> sites, double[][] cosine)
        implements Report {
    /** Copies the lists. */
    public TokenSimilarity {
        pieces = List.copyOf(pieces);
        sites = List.copyOf(sites);
    }

    /** Similarities of one sequence. */
    public static TokenSimilarity of(LanguageModel model, int[] ids) {
        double[][] cosine = new double[model.config().modules()][];
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, ids);
            model.forward(rows, new Trace() {
                @Override
                public void module(ModuleSite site, NDArray before, NDArray after, Decision d, Rows r) {
                    cosine[site.index()] = cosines(before.toFloatArray(), after.toFloatArray(), ids.length);
                }
            });
        }
        List<String> pieces = new ArrayList<>();
        for (int id : ids) {
            pieces.add(model.tokenizer().piece(id));
        }
        return new TokenSimilarity(model.name(), pieces, model.config().sites(), cosine);
    }

    private static double[] cosines(float[] a, float[] b, int tokens) {
        int width = a.length / tokens;
        double[] out = new double[tokens];
        for (int t = 0; t < tokens; t++) {
            double dot = 0;
            double aa = 0;
            double bb = 0;
            for (int i = t * width; i < (t + 1) * width; i++) {
                dot += (double) a[i] * b[i];
                aa += (double) a[i] * a[i];
                bb += (double) b[i] * b[i];
            }
            out[t] = dot / Math.sqrt(aa * bb);
        }
        return out;
    }

    /** For each token, how many modules matter: cosine below a threshold (the paper's example: 0.6). */
    public int[] importantModules(double below) {
        int[] counts = new int[pieces.size()];
        for (double[] row : cosine) {
            for (int t = 0; t < counts.length; t++) {
                counts[t] += row[t] < below ? 1 : 0;
            }
        }
        return counts;
    }

    /** For each module, how many tokens hardly need it: cosine above a threshold (the paper's example: 0.8). */
    public int[] redundantTokens(double above) {
        return Arrays.stream(cosine)
                .mapToInt(row ->
                        (int) Arrays.stream(row).filter(value -> value > above).count())
                .toArray();
    }

    /** The heat map of some modules, tokens to the right; an empty list means all. */
    public Figure figure(List<ModuleSite> some) {
        List<ModuleSite> shown = some.isEmpty() ? sites : some;
        double[][] values = shown.stream().map(site -> cosine[site.index()]).toArray(double[][]::new);
        return Heatmap.of(
                        "token-wise similarity, " + model,
                        values,
                        shown.stream().map(ModuleSite::toString).toList(),
                        pieces)
                .withAxes("token", "module")
                .withUnit("cosine");
    }

    /** One row a module: mean, least and greatest cosine, redundant tokens above 0.8. */
    public TextTable table() {
        TextTable table = TextTable.of(
                "token-wise similarity, " + model + ", " + pieces.size() + " tokens",
                Column.text("module"),
                Column.number("mean cosine", 3),
                Column.number("least", 3),
                Column.number("greatest", 3),
                Column.number("tokens above 0.8", 0));
        int[] redundant = redundantTokens(0.8);
        for (int i = 0; i < cosine.length; i++) {
            var all = Arrays.stream(cosine[i]).summaryStatistics();
            table = table.withRow(sites.get(i).toString(), all.getAverage(), all.getMin(), all.getMax(), redundant[i]);
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
