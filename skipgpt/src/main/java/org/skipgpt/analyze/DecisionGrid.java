package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.Heatmap;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleSite;

/**
 * Which token runs which module: {@code g(i,t)}, 1 where it runs and 0 where it is skipped (SkipGPT, 2025, Eq. 4 and
 * figure 3). A column is a token, a row a module; a column of many gaps is a cheap token, a row of many gaps a module that
 * few tokens need.
 *
 * <pre>{@code
 * DecisionGrid.of(tuned.model(), model.tokenizer().encodeWithBos("A frog likes to eat flies.")).figure();
 * }</pre>
 *
 * @param model the model's name
 * @param pieces the T tokens, readable
 * @param sites the 2L modules in forward order
 * @param runs [2L][T]
 * @param provenance what it was made from and on
 */
public record DecisionGrid(
        String model, List<String> pieces, List<ModuleSite> sites, boolean[][] runs, Provenance provenance)
        implements Finding {
    private static final int SHOWN_TOKENS = 40;

    /** Copies the lists. */
    public DecisionGrid {
        pieces = List.copyOf(pieces);
        sites = List.copyOf(sites);
    }

    /**
     * Decisions about one sequence, under any policy.
     *
     * @throws IllegalArgumentException if it is empty or longer than the model's context
     */
    public static DecisionGrid of(LanguageModel model, int[] ids) {
        if (ids.length == 0 || ids.length > model.config().maxPositions()) {
            throw new IllegalArgumentException("a text of " + ids.length + " tokens has no grid: 1 to "
                    + model.config().maxPositions() + " are shown; a sentence shows most");
        }
        RoutingTrace trace = RoutingTrace.of(model, ids);
        List<String> pieces = new ArrayList<>();
        for (int id : ids) {
            pieces.add(model.tokenizer().readable(id));
        }
        return new DecisionGrid(
                model.name(),
                pieces,
                model.config().sites(),
                trace.modules().stream().map(ModuleRouting::executed).toArray(boolean[][]::new),
                model.provenance("decisions", List.of(ids)));
    }

    /** For each token, how many modules it skips. */
    public int[] skippedModules() {
        return IntStream.range(0, pieces.size())
                .map(t -> (int)
                        IntStream.range(0, runs.length).filter(m -> !runs[m][t]).count())
                .toArray();
    }

    /** For each module, how many tokens skip it. */
    public int[] skippingTokens() {
        return IntStream.range(0, runs.length)
                .map(m -> (int) IntStream.range(0, pieces.size())
                        .filter(t -> !runs[m][t])
                        .count())
                .toArray();
    }

    /** The grid of all modules and the first 40 tokens. */
    @Override
    public Figure figure() {
        int shown = Math.min(SHOWN_TOKENS, pieces.size());
        double[][] values = new double[runs.length][shown];
        for (int m = 0; m < runs.length; m++) {
            for (int t = 0; t < shown; t++) {
                values[m][t] = runs[m][t] ? 1 : 0;
            }
        }
        return Heatmap.of(
                        "Who runs what, " + model,
                        values,
                        sites.stream().map(ModuleSite::toString).toList(),
                        pieces.subList(0, shown))
                .withAxes("token", "module")
                .withUnit("1 runs, 0 is skipped")
                .withRange(0, 1);
    }

    /** One row a module: how many tokens skip it, and which. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "decisions, " + model + ", " + pieces.size() + " tokens",
                List.of(Column.text("module"), Column.number("tokens that skip it", 0), Column.text("which")));
        int[] skipping = skippingTokens();
        for (int m = 0; m < runs.length; m++) {
            StringBuilder which = new StringBuilder();
            for (int t = 0; t < pieces.size(); t++) {
                which.append(runs[m][t] ? "" : pieces.get(t) + " ");
            }
            String some = which.length() > 60 ? which.substring(0, 59) + "…" : which.toString();
            table.add(sites.get(m).toString(), skipping[m], some.strip());
        }
        return table.build();
    }

    /** One row a module and token. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                "decisions, " + model,
                List.of(
                        Column.text("module"),
                        Column.number("place", 0),
                        Column.text("token"),
                        Column.number("runs", 0)));
        for (int m = 0; m < runs.length; m++) {
            for (int t = 0; t < pieces.size(); t++) {
                table.add(sites.get(m).toString(), t, pieces.get(t), runs[m][t] ? 1 : 0);
            }
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
