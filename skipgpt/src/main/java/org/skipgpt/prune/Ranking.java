package org.skipgpt.prune;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.ModuleKind;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;

/**
 * Which parts of a model matter least: the first of the order goes first.
 *
 * <pre>{@code
 * DropPlan plan = Ranking.jointLayerDrop(model, texts, ProgressObserver.silent()).plan(0.25);
 * LanguageModel pruned = plan.applyTo(model);
 * }</pre>
 *
 * <p>Of a model that is pruned already only what is left is ranked, and plans hold what is gone as well.
 *
 * @param method what ranked them, e.g. {@code "ShortGPT"}
 * @param model the model's name
 * @param config its shape
 * @param units what can be dropped: one module, or those of a layer
 * @param gone modules that the model lacks already, in forward order; every plan has them
 * @param scores importance of each unit; the least goes first
 * @param tokens calibration tokens
 * @param provenance what it was made from and on
 */
public record Ranking(
        String method,
        String model,
        DecoderConfig config,
        List<List<ModuleSite>> units,
        List<ModuleSite> gone,
        double[] scores,
        long tokens,
        Provenance provenance)
        implements Finding {
    /** Copies the lists. */
    public Ranking {
        units = List.copyOf(units);
        gone = List.copyOf(gone);
        if (units.size() != scores.length) {
            throw new IllegalArgumentException(units.size() + " units with " + scores.length + " scores");
        }
    }

    /** How ShortGPT measures the last layer. */
    public enum FinalNorm {
        /** Behind the final norm, as the official code does: the last layer looks more important than it is. */
        INCLUDED,
        /** Before the final norm, as every other layer. */
        EXCLUDED
    }

    /**
     * ShortGPT (Men et al., 2024): block influence {@code 1 - mean cos(h_i, h_(i+1))}, whole layers, least first.
     *
     * @param sequences calibration texts as token ids
     */
    public static Ranking shortGpt(
            LanguageModel model, List<int[]> sequences, FinalNorm finalNorm, ProgressObserver observer) {
        Similarities found = Similarities.of(model, sequences, observer);
        int layers = model.config().layers();
        List<Double> influence = new ArrayList<>();
        List<List<ModuleSite>> units = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            boolean normed = finalNorm == FinalNorm.INCLUDED && i == layers - 1;
            List<ModuleSite> left =
                    left(model, new ModuleSite(i, ModuleKind.ATTENTION), new ModuleSite(i, ModuleKind.MLP));
            if (!left.isEmpty()) {
                influence.add(1 - (normed ? found.lastNormed() : found.layers()[i]));
                units.add(left);
            }
        }
        String name = "ShortGPT, final norm " + finalNorm.name().toLowerCase(Locale.ROOT);
        return of(name, model, sequences, units, influence, found.tokens());
    }

    /**
     * Joint Layer Drop (He et al., LLM-Drop, 2024): {@code 1 - mean cos(x, x + f(norm(x)))} of every attention and MLP
     * module together, least first.
     *
     * @param sequences calibration texts as token ids
     */
    public static Ranking jointLayerDrop(LanguageModel model, List<int[]> sequences, ProgressObserver observer) {
        Similarities found = Similarities.of(model, sequences, observer);
        List<Double> scores = new ArrayList<>();
        List<List<ModuleSite>> units = new ArrayList<>();
        for (ModuleSite site : left(model, model.config().sites().toArray(ModuleSite[]::new))) {
            scores.add(1 - found.modules()[site.index()]);
            units.add(List.of(site));
        }
        return of("Joint Layer Drop", model, sequences, units, scores, found.tokens());
    }

    private static Ranking of(
            String criterion,
            LanguageModel model,
            List<int[]> sequences,
            List<List<ModuleSite>> units,
            List<Double> scores,
            long tokens) {
        List<ModuleSite> gone = DropPlan.gone(model);
        return new Ranking(
                DropPlan.method(criterion, model.config(), gone),
                model.name(),
                model.config(),
                units,
                gone,
                scores.stream().mapToDouble(Double::doubleValue).toArray(),
                tokens,
                model.provenance(criterion, sequences));
    }

    private static List<ModuleSite> left(LanguageModel model, ModuleSite... sites) {
        return Arrays.stream(sites)
                .filter(site -> !model.policy().isDropped(site))
                .toList();
    }

    /** Places of the units, least important first; the earlier of equals first. */
    public int[] order() {
        return IntStream.range(0, scores.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> scores[i]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /**
     * The plan that drops about a share of the parameters of all layers: as many of the first units as come nearest.
     *
     * @param ratio wanted share of the block parameters that the model has, 0..0.95: a quarter of a model that lost a
     *     quarter already leaves 0.75 times 0.75
     */
    public DropPlan plan(double ratio) {
        if (!(ratio >= 0 && ratio <= 0.95)) {
            throw new IllegalArgumentException("ratio " + ratio + " is not allowed: expected 0..0.95");
        }
        DropPlan best = drop(0);
        double wanted = best.parameterRatio() + ratio * (1 - best.parameterRatio());
        for (int count = 1; count < units.size(); count++) {
            DropPlan next = drop(count);
            if (Math.abs(next.parameterRatio() - wanted) < Math.abs(best.parameterRatio() - wanted)) {
                best = next;
            }
        }
        return best;
    }

    /** The plan that drops the first {@code count} units of the order, beside what is gone. */
    public DropPlan drop(int count) {
        if (count < 0 || count > units.size()) {
            throw new IllegalArgumentException(count + " dropped units are not possible: expected 0.." + units.size());
        }
        List<ModuleSite> sites = new ArrayList<>(gone);
        int[] order = order();
        for (int i = 0; i < count; i++) {
            sites.addAll(units.get(order[i]));
        }
        sites.sort(Comparator.comparingInt(ModuleSite::index));
        return DropPlan.of(method, config, sites, provenance);
    }

    private String name(int unit) {
        List<ModuleSite> sites = units.get(unit);
        return sites.size() == 2
                ? "layer " + sites.get(0).layer()
                : sites.get(0).toString();
    }

    /** The units in order with their scores. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                method + " on " + model + ", " + tokens + " calibration tokens",
                List.of(Column.number("rank", 0), Column.text("unit"), Column.number("importance", 6)));
        int rank = 1;
        for (int i : order()) {
            table.add(rank++, name(i), scores[i]);
        }
        return table.build();
    }

    /** The same table, all digits kept. */
    @Override
    public TextTable data() {
        return table();
    }

    /** Importance of attention and MLP of each layer, or of whole layers; no bar where they are gone. */
    @Override
    public Figure figure() {
        List<String> layers =
                IntStream.range(0, config.layers()).mapToObj(String::valueOf).toList();
        BarPlot plot = BarPlot.of(method + ", " + model, "layer", "importance (1 - cosine)", layers);
        double[] whole = new double[config.layers()];
        double[][] values = new double[2][config.layers()];
        for (double[] bars : new double[][] {whole, values[0], values[1]}) {
            Arrays.fill(bars, Double.NaN);
        }
        for (int i = 0; i < scores.length; i++) {
            for (ModuleSite site : units.get(i)) {
                whole[site.layer()] = scores[i];
                values[site.index() % 2][site.layer()] = scores[i];
            }
        }
        if (units.stream().anyMatch(unit -> unit.size() > 1)) {
            return plot.withBars("layer", whole);
        }
        return plot.withBars("attention", values[0]).withBars("MLP", values[1]);
    }

    @Override
    public String toString() {
        return text();
    }
}
