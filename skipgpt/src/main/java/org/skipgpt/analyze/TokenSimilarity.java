package org.skipgpt.analyze;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.plot.Heatmap;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

/**
 * How little each module changes each token: {@code C(i,t) = cos(x(i,t), x(i+1,t))} with x the residual stream around
 * module i (SkipGPT, 2025, Eq. 1; figures 2 and 8 to 11).
 *
 * <pre>{@code
 * TokenSimilarity.of(model, model.tokenizer().encodeWithBos("Once upon a time")).figure().save(Path.of("fig2.png"));
 * }</pre>
 *
 * @param model the model's name
 * @param pieces the T tokens, readable
 * @param sites the 2L modules in forward order
 * @param cosine [2L][T], -1..1; 1 where a token skips the module
 * @param provenance what it was made from and on
 */
public record TokenSimilarity(
        String model, List<String> pieces, List<ModuleSite> sites, double[][] cosine, Provenance provenance)
        implements Finding {
    /** Below this a module matters to a token (the paper's example). */
    public static final double IMPORTANT = 0.6;

    /** Above this a token hardly needs a module (the paper's example). */
    public static final double REDUNDANT = 0.8;

    private static final int SHOWN_TOKENS = 40;

    /** Copies the lists. */
    public TokenSimilarity {
        pieces = List.copyOf(pieces);
        sites = List.copyOf(sites);
    }

    /**
     * Similarities of one sequence.
     *
     * @throws IllegalArgumentException if it is longer than the model's context
     */
    public static TokenSimilarity of(LanguageModel model, int[] ids) {
        if (ids.length > model.config().maxPositions()) {
            throw new IllegalArgumentException("a text of " + ids.length + " tokens is longer than the context of "
                    + model.config().maxPositions() + "; give a shorter one, a sentence shows most");
        }
        if (model.config().hasShortcuts()) {
            throw new IllegalArgumentException("the stream of " + model.name() + " changes its basis at each module, so"
                    + " how similar it is before and after says nothing: look at the model it was sliced from");
        }
        double[][] cosine = new double[model.config().modules()][];
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
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
            pieces.add(model.tokenizer().readable(id));
        }
        return new TokenSimilarity(
                model.name(),
                pieces,
                model.config().sites(),
                cosine,
                model.provenance("token-wise similarity", List.of(ids)));
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

    /** For each token, how many modules matter: cosine below a threshold. */
    public int[] importantModules(double below) {
        int[] counts = new int[pieces.size()];
        for (double[] row : cosine) {
            for (int t = 0; t < counts.length; t++) {
                counts[t] += row[t] < below ? 1 : 0;
            }
        }
        return counts;
    }

    /** For each module, how many tokens hardly need it: cosine above a threshold. */
    public int[] redundantTokens(double above) {
        return Arrays.stream(cosine)
                .mapToInt(row ->
                        (int) Arrays.stream(row).filter(value -> value > above).count())
                .toArray();
    }

    /** The same of some neighbouring tokens, from inclusive, to exclusive. */
    public TokenSimilarity tokens(int from, int to) {
        double[][] part = Arrays.stream(cosine)
                .map(row -> Arrays.copyOfRange(row, from, to))
                .toArray(double[][]::new);
        return new TokenSimilarity(model, pieces.subList(from, to), sites, part, provenance);
    }

    /** The heat map of all modules and the first 40 tokens. */
    @Override
    public Figure figure() {
        return tokens(0, Math.min(SHOWN_TOKENS, pieces.size())).figure(sites);
    }

    /** The heat map of some modules, tokens to the right. */
    public Figure figure(List<ModuleSite> some) {
        double[][] values = some.stream().map(site -> cosine[site.index()]).toArray(double[][]::new);
        return Heatmap.of(
                        "Token-wise similarity, " + model,
                        values,
                        some.stream().map(ModuleSite::toString).toList(),
                        pieces)
                .withAxes("token", "module")
                .withUnit("cosine");
    }

    /** One row a module: mean, least and greatest cosine, tokens on either side of the paper's thresholds. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "token-wise similarity, " + model + ", " + pieces.size() + " tokens",
                List.of(
                        Column.text("module"),
                        Column.number("mean cosine", 3),
                        Column.number("least", 3),
                        Column.number("greatest", 3),
                        Column.number("tokens below " + IMPORTANT, 0),
                        Column.number("above " + REDUNDANT, 0)));
        int[] redundant = redundantTokens(REDUNDANT);
        for (int i = 0; i < cosine.length; i++) {
            var all = Arrays.stream(cosine[i]).summaryStatistics();
            long important =
                    Arrays.stream(cosine[i]).filter(value -> value < IMPORTANT).count();
            table.add(sites.get(i).toString(), all.getAverage(), all.getMin(), all.getMax(), important, redundant[i]);
        }
        return table.build();
    }

    /** One row a module and token. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                "token-wise similarity, " + model,
                List.of(
                        Column.text("module"),
                        Column.number("place", 0),
                        Column.text("token"),
                        Column.number("cosine", 6)));
        for (int i = 0; i < cosine.length; i++) {
            for (int t = 0; t < pieces.size(); t++) {
                table.add(sites.get(i).toString(), t, pieces.get(t), cosine[i][t]);
            }
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
