package org.skipgpt.analyze;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerRun;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.Cost;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

/**
 * Where the time of reading a text goes, module by module, beside the operations the formula counts.
 *
 * <p>A token's attention counts {@code 2 P_a + 4 H E context} operations with context the keys it sees, its MLP
 * {@code 2 P_m}, the output head {@code 2 V D}; a skipped attention still makes keys and values unless they are evicted.
 * Times are medians over rounds and mean something on a machine that does nothing else.
 *
 * @param model the model's name
 * @param tokens tokens read at once
 * @param sites the 2L modules in forward order
 * @param seconds measured time of each, 2L
 * @param operations floating-point operations of each by the formula, 2L
 * @param headSeconds measured time of embedding and output head
 * @param headOperations operations of the output head
 * @param provenance what it was made from and on
 */
public record ModuleCost(
        String model,
        int tokens,
        List<ModuleSite> sites,
        double[] seconds,
        double[] operations,
        double headSeconds,
        double headOperations,
        Provenance provenance)
        implements Finding {
    /** Rounds measured after one that is not counted. */
    public static final int ROUNDS = 5;

    /** Copies the list. */
    public ModuleCost {
        sites = List.copyOf(sites);
    }

    /**
     * Measures the reading of one text.
     *
     * @param ids its tokens
     * @param rounds how often, 1 and more
     */
    public static ModuleCost of(LanguageModel model, int[] ids, int rounds, ProgressObserver observer) {
        if (rounds < 1 || ids.length == 0) {
            throw new IllegalArgumentException(
                    rounds + " rounds over " + ids.length + " tokens are not possible: expected at least one of each");
        }
        long start = System.nanoTime();
        int modules = model.config().modules();
        double[][] seconds = new double[modules + 1][rounds];
        double[] operations = new double[modules];
        for (int round = -1; round < rounds; round++) {
            Interruption.check();
            double[] times = round(model, ids, operations);
            for (int m = 0; round >= 0 && m <= modules; m++) {
                seconds[m][round] = times[m];
            }
            double taken = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("module cost", round + 2L, rounds + 1L, "rounds", taken, ""));
        }
        double[] medians =
                Arrays.stream(seconds).mapToDouble(Statistics::median).toArray();
        return new ModuleCost(
                model.name(),
                ids.length,
                model.config().sites(),
                Arrays.copyOf(medians, modules),
                operations,
                medians[modules],
                2.0 * model.config().vocabulary() * model.config().width() * ids.length,
                model.provenance("module cost, median of " + rounds + " rounds", List.of(ids))
                        .withSeconds((System.nanoTime() - start) / 1e9));
    }

    /** Seconds of each module, then of embedding and head. */
    private static double[] round(LanguageModel model, int[] ids, double[] operations) {
        int modules = operations.length;
        double[] times = new double[modules + 1];
        int[] executed = new int[modules];
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, ids);
            Clock clock = new Clock(model.device().isGpu());
            NDArray embedded = model.decoder().embed(rows); // (N, D)
            times[modules] += clock.lap(embedded);
            Trace timing = new Trace() {
                @Override
                public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows r) {
                    executed[site.index()] = decision.executed(r.size());
                    if (site.module() == ModuleKind.ATTENTION) {
                        times[site.index()] = clock.lap(after);
                    }
                }
            };
            NDArray end = LayerRun.through(rows.places(), 0, model.config().layers(), embedded, (layer, in) -> {
                NDArray out = model.decoder().layer(layer, in, rows, model.policy(), model.execution(), timing);
                // What the policy makes of a whole layer counts with its MLP.
                times[new ModuleSite(layer, ModuleKind.MLP).index()] = clock.lap(out);
                return out;
            }); // (N, D)
            times[modules] += clock.lap(model.decoder().logits(end));
        }
        for (int m = 0; m < modules; m++) {
            operations[m] = operations(model, m, executed[m], ids.length);
        }
        return times;
    }

    private static double operations(LanguageModel model, int module, int executed, int tokens) {
        if (ModuleSite.of(module).module() == ModuleKind.MLP) {
            return executed * Cost.mlpFlops(model.config());
        }
        if (model.policy().isDropped(ModuleSite.of(module))) {
            return 0;
        }
        int context = (tokens + 1) / 2; // the mean number of keys a token of a whole text sees
        double all = Cost.attentionFlops(model.config(), context);
        double skipped = model.policy().kvPolicy() == KvPolicy.EXECUTED
                ? 0
                : all - Cost.savedAttentionFlops(model.config(), context);
        return executed * all + (tokens - executed) * skipped;
    }

    /** Wall time between calls; a GPU's queue is emptied by reading one number. */
    private static final class Clock {
        private final boolean waits;
        private long last = System.nanoTime();

        Clock(boolean waits) {
            this.waits = waits;
        }

        double lap(NDArray made) {
            if (waits) {
                made.flatten().getFloat(0);
            }
            long now = System.nanoTime();
            double seconds = (now - last) / 1e9;
            last = now;
            return seconds;
        }
    }

    /** Share of all measured time a kind of module takes, 0..1. */
    public double timeShare(ModuleKind module) {
        return of(module, seconds) / (Arrays.stream(seconds).sum() + headSeconds);
    }

    /** Share of all counted operations a kind of module takes, 0..1. */
    public double operationShare(ModuleKind module) {
        return of(module, operations) / (Arrays.stream(operations).sum() + headOperations);
    }

    private static double of(ModuleKind module, double[] values) {
        return IntStream.range(0, values.length)
                .filter(i -> ModuleSite.of(i).module() == module)
                .mapToDouble(i -> values[i])
                .sum();
    }

    /** Measured time of each module, and what its operations would take at the mean speed of all. */
    @Override
    public Figure figure() {
        double scale =
                1000 * Arrays.stream(seconds).sum() / Arrays.stream(operations).sum();
        List<String> names = sites.stream()
                .map(site -> (site.module() == ModuleKind.ATTENTION ? "a" : "m") + site.layer())
                .toList();
        return BarPlot.of(
                        "Time of each module, " + model + ", " + tokens + " tokens at once",
                        "attention (a) and MLP (m) of each layer",
                        "milliseconds",
                        names)
                .withBars("measured", Arrays.stream(seconds).map(s -> 1000 * s).toArray())
                .withBars(
                        "by its operations",
                        Arrays.stream(operations).map(o -> o * scale).toArray());
    }

    /** Attention, MLP and head: time, operations, their shares and the speed. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                String.format(Locale.ROOT, "time by module, %s, %d tokens at once", model, tokens),
                List.of(
                        Column.text("part"),
                        Column.number("ms", 3),
                        Column.number("time (%)", 1),
                        Column.number("million operations", 1),
                        Column.number("operations (%)", 1),
                        Column.number("gigaoperations/s", 2)));
        for (ModuleKind module : ModuleKind.values()) {
            add(table, module.toString(), of(module, seconds), of(module, operations));
        }
        add(table, "embedding, head", headSeconds, headOperations);
        return table.build();
    }

    private void add(TextTable.Builder table, String part, double time, double count) {
        table.add(
                part,
                1000 * time,
                100 * time / (Arrays.stream(seconds).sum() + headSeconds),
                count / 1e6,
                100 * count / (Arrays.stream(operations).sum() + headOperations),
                count / time / 1e9);
    }

    /** One row a module. */
    @Override
    public TextTable data() {
        List<Column> columns = new ArrayList<>(
                List.of(Column.text("module"), Column.number("seconds", 9), Column.number("operations", 0)));
        TextTable.Builder table = TextTable.builder("time by module, " + model, columns);
        for (int i = 0; i < seconds.length; i++) {
            table.add(sites.get(i).toString(), seconds[i], operations[i]);
        }
        table.add("embedding, head", headSeconds, headOperations);
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
