package org.skipgpt.analyze;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.Heatmap;
import org.skipgpt.plot.Palette;
import org.skipgpt.plot.PictureSize;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;

/**
 * Which modules the tokens of some texts ran: executed share and router entropy of every module.
 *
 * <pre>{@code
 * RoutingMap.of(routed, texts, ProgressObserver.silent()).save(Path.of("map.png"));
 * }</pre>
 *
 * @param model the model's name
 * @param trace every decision
 * @param provenance what it was made from and on
 */
public record RoutingMap(String model, RoutingTrace trace, Provenance provenance) implements Finding {
    private static final int SHOWN_TOKENS = 40;

    /** Runs a model over texts; any policy. */
    public static RoutingMap of(LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        long start = System.nanoTime();
        RoutingTrace trace = RoutingTrace.joined(Runs.traces("routing map", model, texts, observer));
        double seconds = (System.nanoTime() - start) / 1e9;
        return new RoutingMap(
                model.name(), trace, model.provenance("routing map", texts).withSeconds(seconds));
    }

    /** Executed share of each module in forward order, 2L values 0..1. */
    public double[] rates() {
        return trace.modules().stream()
                .mapToDouble(ModuleRouting::executedShare)
                .toArray();
    }

    /** Mean entropy of p_execute of each module in bits, 2L; NaN where no router was asked. */
    public double[] entropies() {
        return trace.modules().stream().mapToDouble(ModuleRouting::entropy).toArray();
    }

    /** Layers to the right, attention and MLP below each other. */
    @Override
    public Figure figure() {
        int layers = trace.modules().size() / 2;
        double[] rates = rates();
        double[][] values = new double[2][layers];
        for (int i = 0; i < rates.length; i++) {
            values[i % 2][i / 2] = rates[i];
        }
        String title = String.format(
                Locale.ROOT,
                "Executed share, %s: attention %.0f %%, MLP %.0f %%",
                model,
                100 * (1 - trace.skipped(ModuleKind.ATTENTION)),
                100 * (1 - trace.skipped(ModuleKind.MLP)));
        return Heatmap.of(
                        title,
                        values,
                        List.of("attention", "mlp"),
                        IntStream.range(0, layers).mapToObj(String::valueOf).toList())
                .withAxes("layer", "")
                .withUnit("executed share")
                .withRange(0, 1)
                .withPalette(Palette.VIRIDIS)
                .withSize(new PictureSize(760, 200, 1));
    }

    /**
     * Every decision about the first tokens: 1 executed, 0 skipped.
     *
     * @param pieces the tokens as text, in order
     */
    public Figure decisions(List<String> pieces) {
        int shown = Math.min(SHOWN_TOKENS, pieces.size());
        double[][] values = trace.modules().stream()
                .map(module -> IntStream.range(0, shown)
                        .mapToDouble(t -> module.executed()[t] ? 1 : 0)
                        .toArray())
                .toArray(double[][]::new);
        return Heatmap.of(
                        "Modules each token ran, " + model,
                        values,
                        trace.modules().stream()
                                .map(module -> module.site().toString())
                                .toList(),
                        pieces.subList(0, shown))
                .withAxes("token", "module")
                .withRange(0, 1)
                .withPalette(Palette.BLUES);
    }

    private boolean isRouted() {
        return !Arrays.stream(entropies()).allMatch(Double::isNaN);
    }

    @Override
    public String text() {
        return isRouted() ? trace.text() : table().text();
    }

    /** One row a layer. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "routing map, " + model + ", " + trace.tokens().length + " tokens"
                        + (isRouted() ? "" : "; no router was asked, so there is no entropy"),
                List.of(
                        Column.number("layer", 0),
                        Column.number("attention runs (%)", 1),
                        Column.number("entropy (bits)", 3),
                        Column.number("mlp runs (%)", 1),
                        Column.number("mlp entropy (bits)", 3)));
        double[] rates = rates();
        double[] entropies = entropies();
        for (int i = 0; i < rates.length; i += 2) {
            table.add(i / 2, 100 * rates[i], entropies[i], 100 * rates[i + 1], entropies[i + 1]);
        }
        return table.build();
    }

    /** The same table, all digits kept. */
    @Override
    public String toString() {
        return text();
    }
}
