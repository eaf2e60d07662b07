package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.plot.Heatmap;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;

/**
 * What attention and MLP skip at several targets (SkipGPT, 2025, figure 5), and how the routers bear it: entropy,
 * collapsed modules, perplexity.
 *
 * <pre>{@code
 * RoutingByTarget.dialled(routed, new double[] {0.25, 0.5, 0.6}, texts, ProgressObserver.silent());
 * }</pre>
 *
 * @param title what was compared
 * @param points one a model
 * @param provenance what it was made from and on
 */
public record RoutingByTarget(String title, List<Point> points, Provenance provenance) implements Finding {
    /**
     * One model.
     *
     * @param label e.g. {@code "25 %"}
     * @param attention s_a, share of attention runs skipped
     * @param mlp s_m, share of MLP runs skipped
     * @param entropy mean router entropy over modules, bits; NaN without routers
     * @param collapsed routed modules that run below 2 % or above 98 % of tokens
     * @param perplexity on the texts
     * @param rates executed share of each module, 2L
     */
    public record Point(
            String label,
            double attention,
            double mlp,
            double entropy,
            int collapsed,
            double perplexity,
            double[] rates) {}

    /** Copies the list. */
    public RoutingByTarget {
        points = List.copyOf(points);
    }

    /**
     * Compares models tuned for several targets.
     *
     * @param models by label, in the order to be shown
     */
    public static RoutingByTarget of(
            String title, Map<String, LanguageModel> models, List<int[]> texts, ProgressObserver observer) {
        if (models.isEmpty()) {
            throw new IllegalArgumentException("no model to compare: give at least one by its label");
        }
        long start = System.nanoTime();
        List<Point> points = new ArrayList<>();
        models.forEach((label, model) -> points.add(point(label, model, texts, observer)));
        LanguageModel first = models.values().iterator().next();
        Provenance provenance =
                first.provenance(title + ": " + models.keySet(), texts).withSeconds((System.nanoTime() - start) / 1e9);
        return new RoutingByTarget(title, points, provenance);
    }

    /** One model with routers whose thresholds are turned to each target on the texts themselves. */
    public static RoutingByTarget dialled(
            LanguageModel model, double[] targets, List<int[]> texts, ProgressObserver observer) {
        BudgetDial dial = BudgetDial.calibrate(model, Budget.of(0), targets, texts.toArray(int[][]::new));
        Map<String, LanguageModel> models = new LinkedHashMap<>();
        for (BudgetDial.Mark mark : dial.marks()) {
            models.put(String.format(Locale.ROOT, "%.0f %%", 100 * mark.target()), dial.set(model, mark.target()));
        }
        return of("one model's thresholds turned, " + model.name(), models, texts, observer);
    }

    private static Point point(String label, LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        RoutingTrace trace = RoutingTrace.joined(Runs.traces("routing at " + label, model, texts, observer));
        return new Point(
                label,
                trace.skipped(ModuleKind.ATTENTION),
                trace.skipped(ModuleKind.MLP),
                trace.modules().stream()
                        .mapToDouble(ModuleRouting::entropy)
                        .average()
                        .orElse(Double.NaN),
                trace.collapsed().size(),
                Runs.perplexity("perplexity at " + label, model, texts, observer),
                trace.modules().stream()
                        .mapToDouble(ModuleRouting::executedShare)
                        .toArray());
    }

    /** Skipped share of attention and MLP beside each other, a group a target. */
    @Override
    public Figure figure() {
        return BarPlot.of(
                        "Skipped share of attention and MLP, " + title,
                        "target",
                        "skipped (%)",
                        points.stream().map(Point::label).toList())
                .withBars(
                        "attention",
                        points.stream().mapToDouble(p -> 100 * p.attention()).toArray())
                .withBars("MLP", points.stream().mapToDouble(p -> 100 * p.mlp()).toArray());
    }

    /** Executed share of every module, a row a target. */
    public Figure rates() {
        double[][] values = points.stream().map(Point::rates).toArray(double[][]::new);
        List<String> modules = IntStream.range(0, values[0].length)
                .mapToObj(i -> (i % 2 == 0 ? "a" : "m") + i / 2)
                .toList();
        return Heatmap.of(
                        "Executed share of each module, " + title,
                        values,
                        points.stream().map(Point::label).toList(),
                        modules)
                .withAxes("attention (a) and MLP (m) of each layer", "target")
                .withUnit("executed share")
                .withRange(0, 1);
    }

    /** One row a target. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                title + ", " + provenance.data(),
                List.of(
                        Column.text("target"),
                        Column.number("attention skipped (%)", 1),
                        Column.number("mlp skipped (%)", 1),
                        Column.number("modules (%)", 1),
                        Column.number("entropy (bits)", 3),
                        Column.number("collapsed", 0),
                        Column.number("perplexity", 3)));
        for (Point p : points) {
            table.add(
                    p.label(),
                    100 * p.attention(),
                    100 * p.mlp(),
                    50 * (p.attention() + p.mlp()),
                    p.entropy(),
                    p.collapsed(),
                    p.perplexity());
        }
        return table.build();
    }

    /** One row a target and module. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                title, List.of(Column.text("target"), Column.number("module", 0), Column.number("executed", 6)));
        for (Point p : points) {
            for (int m = 0; m < p.rates().length; m++) {
                table.add(p.label(), m, p.rates()[m]);
            }
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
