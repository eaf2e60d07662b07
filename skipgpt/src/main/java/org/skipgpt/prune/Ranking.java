package org.skipgpt.prune;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

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
     * Ranks what a model can still lose.
     *
     * @param sequences calibration texts as token ids
     * @throws IllegalStateException if the criterion gives another number of importances than there are units, or one that is
     *     not finite
     */
    public static Ranking of(
            LanguageModel model, Criterion criterion, List<int[]> sequences, ProgressObserver observer) {
        List<List<ModuleSite>> units = criterion.grain().units(model);
        double[] scores;
        try (InUse.Hold held = model.hold()) {
            scores = criterion.importance(model, units, sequences, observer);
        }
        if (scores.length != units.size() || !Arrays.stream(scores).allMatch(Double::isFinite)) {
            throw new IllegalStateException(
                    "the criterion \"" + criterion.name() + "\" gave " + Arrays.toString(scores) + " for "
                            + units.size() + " units: expected as many finite numbers, the least for what goes first");
        }
        List<ModuleSite> gone = DropPlan.gone(model);
        return new Ranking(
                DropPlan.method(criterion.name(), model.config(), gone),
                model.name(),
                model.config(),
                units,
                gone,
                scores,
                sequences.stream().mapToLong(ids -> ids.length).sum(),
                model.provenance(criterion.name(), sequences));
    }

    /** ShortGPT (Men et al., 2024), see {@link Criterion#shortGpt}. */
    public static Ranking shortGpt(
            LanguageModel model, List<int[]> sequences, FinalNorm finalNorm, ProgressObserver observer) {
        return of(model, Criterion.shortGpt(finalNorm), sequences, observer);
    }

    /** Joint Layer Drop (He et al., LLM-Drop, 2024), see {@link Criterion#jointLayerDrop}. */
    public static Ranking jointLayerDrop(LanguageModel model, List<int[]> sequences, ProgressObserver observer) {
        return of(model, Criterion.jointLayerDrop(), sequences, observer);
    }

    /**
     * Drops one unit and ranks again, until the ratio is reached as nearly as may be: stronger than one ranking for all
     * (SLEB, Song et al., 2024; BlockPruner, Zhong et al., 2024), at the cost of as many rankings as units go.
     *
     * @param ratio wanted share of the block parameters that the model has, 0..0.95
     * @param kept layers of which nothing goes
     */
    public static DropPlan oneByOne(
            LanguageModel model,
            Criterion criterion,
            List<int[]> sequences,
            double ratio,
            Set<Integer> kept,
            ProgressObserver observer) {
        Ranking first = of(model, criterion, sequences, observer).keeping(kept);
        double before = first.drop(0).parameterRatio();
        double wanted = before + checked(ratio) * (1 - before);
        LanguageModel left = model;
        DropPlan plan = first.drop(0);
        Ranking ranking = first;
        while (!ranking.units().isEmpty()) {
            DropPlan more = DropPlan.of(
                    DropPlan.method(criterion.name() + ", one by one", model.config(), first.gone()),
                    model.config(),
                    ranking.drop(1).dropped(),
                    first.provenance());
            boolean nearer = Math.abs(more.parameterRatio() - wanted) < Math.abs(plan.parameterRatio() - wanted);
            if (!nearer || more.dropped().size() == model.config().modules()) {
                return plan;
            }
            plan = more;
            left = plan.applyTo(left);
            ranking = of(left, criterion, sequences, observer).keeping(kept);
        }
        return plan;
    }

    /** Without the units of some layers, which then stay whatever their importance. */
    public Ranking keeping(Set<Integer> layers) {
        int[] open = IntStream.range(0, units.size())
                .filter(i -> units.get(i).stream().noneMatch(site -> layers.contains(site.layer())))
                .toArray();
        return new Ranking(
                method,
                model,
                config,
                Arrays.stream(open).mapToObj(units::get).toList(),
                gone,
                Arrays.stream(open).mapToDouble(i -> scores[i]).toArray(),
                tokens,
                provenance);
    }

    /** The layers that Shortened LLaMA's code never drops: the first four and the last two. */
    public static Set<Integer> endsOf(DecoderConfig config) {
        return IntStream.range(0, config.layers())
                .filter(layer -> layer < 4 || layer >= config.layers() - 2)
                .boxed()
                .collect(Collectors.toUnmodifiableSet());
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
        DropPlan best = drop(0);
        double wanted = best.parameterRatio() + checked(ratio) * (1 - best.parameterRatio());
        for (int count = 1; count <= units.size(); count++) {
            DropPlan next = drop(count);
            boolean nearer = Math.abs(next.parameterRatio() - wanted) < Math.abs(best.parameterRatio() - wanted);
            if (nearer && next.dropped().size() < config.modules()) {
                best = next;
            }
        }
        return best;
    }

    private static double checked(double ratio) {
        if (!(ratio >= 0 && ratio <= 0.95)) {
            throw new IllegalArgumentException("ratio " + ratio + " is not allowed: expected 0..0.95");
        }
        return ratio;
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
        BarPlot plot = BarPlot.of(method + ", " + model, "layer", "importance", layers);
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
