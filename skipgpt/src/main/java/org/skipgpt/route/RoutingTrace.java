package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Report;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

/**
 * What happened to every token in every module.
 *
 * <pre>{@code
 * var trace = RoutingTrace.of(routed, routed.tokenizer().encode("Once upon a time"));
 * }</pre>
 *
 * @param tokens the token ids, sequences one after another
 * @param starts first token of each sequence, and the token count
 * @param modules one entry a module, in forward order
 */
public record RoutingTrace(int[] tokens, int[] starts, List<ModuleRouting> modules) implements Report {
    /** A module whose mean execution is below this, or above 1 minus this, has collapsed. */
    public static final double COLLAPSE = 0.02;

    /** Copies the list. */
    public RoutingTrace {
        modules = List.copyOf(modules);
    }

    /** Runs a model over sequences and notes every decision; works for any policy. */
    public static RoutingTrace of(LanguageModel model, int[]... sequences) {
        if (sequences.length == 0) {
            throw new IllegalArgumentException("a trace of no sequence: give at least one");
        }
        LanguageModel watched = model.withPolicy(model.policy().withLogits());
        List<ModuleRouting> modules = new ArrayList<>();
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
            var rows = watched.decoder().rows(scope, sequences);
            watched.forward(rows, new Trace() {
                @Override
                public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows r) {
                    boolean[] executed = new boolean[r.size()];
                    for (int row : decision.executing(r.size())) {
                        executed[row] = true;
                    }
                    modules.add(new ModuleRouting(
                            site, executed, decision.probability().orElseGet(() -> unknown(r.size()))));
                }
            });
            return new RoutingTrace(rows.tokens(), rows.starts(), modules);
        }
    }

    /** Traces of the same modules, one after another. */
    public static RoutingTrace joined(List<RoutingTrace> traces) {
        if (traces.isEmpty()) {
            throw new IllegalArgumentException("a trace of no sequence: give at least one");
        }
        int[] starts = {0};
        int[] tokens = {};
        for (RoutingTrace trace : traces) {
            for (int i = 1; i < trace.starts.length; i++) {
                starts = Arrays.copyOf(starts, starts.length + 1);
                starts[starts.length - 1] = tokens.length + trace.starts[i];
            }
            int before = tokens.length;
            tokens = Arrays.copyOf(tokens, before + trace.tokens.length);
            System.arraycopy(trace.tokens, 0, tokens, before, trace.tokens.length);
        }
        List<ModuleRouting> modules = new ArrayList<>();
        for (int m = 0; m < traces.get(0).modules.size(); m++) {
            boolean[] executed = new boolean[tokens.length];
            float[] probability = new float[tokens.length];
            int at = 0;
            for (RoutingTrace trace : traces) {
                ModuleRouting part = trace.modules.get(m);
                System.arraycopy(part.executed(), 0, executed, at, part.executed().length);
                System.arraycopy(part.probability(), 0, probability, at, part.probability().length);
                at += part.executed().length;
            }
            modules.add(new ModuleRouting(traces.get(0).modules.get(m).site(), executed, probability));
        }
        return new RoutingTrace(tokens, starts, modules);
    }

    private static float[] unknown(int n) {
        float[] none = new float[n];
        Arrays.fill(none, Float.NaN);
        return none;
    }

    /** Share of runs of one kind of module that were skipped: s_a or s_m. */
    public double skipped(ModuleKind module) {
        return modules.stream()
                .filter(m -> m.site().module() == module)
                .mapToDouble(m -> 1 - m.executedShare())
                .average()
                .orElse(0);
    }

    /** Modules each token ran. */
    public int[] costs() {
        int[] costs = new int[tokens.length];
        for (ModuleRouting m : modules) {
            for (int t = 0; t < costs.length; t++) {
                costs[t] += m.executed()[t] ? 1 : 0;
            }
        }
        return costs;
    }

    /** Routed modules that nearly always skip or nearly always run. */
    public List<ModuleRouting> collapsed() {
        return modules.stream()
                .filter(m -> !Float.isNaN(m.probability()[0]))
                .filter(m -> m.executedShare() < COLLAPSE || m.executedShare() > 1 - COLLAPSE)
                .toList();
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder(String.format(
                Locale.ROOT,
                "%d tokens · skipped attention %.1f %%, mlp %.1f %%%n"
                        + "layer  attention runs  entropy  mlp runs  entropy",
                tokens.length,
                100 * skipped(ModuleKind.ATTENTION),
                100 * skipped(ModuleKind.MLP)));
        int layers = modules.size() / 2;
        int shown = Math.min(layers, layers <= 20 ? 20 : 19);
        for (int l = 0; l < shown; l++) {
            ModuleRouting a = modules.get(2 * l);
            ModuleRouting m = modules.get(2 * l + 1);
            out.append(String.format(
                    Locale.ROOT,
                    "%n%5d  %12.1f %%  %7s  %6.1f %%  %7s",
                    l,
                    100 * a.executedShare(),
                    bits(a),
                    100 * m.executedShare(),
                    bits(m)));
        }
        if (shown < layers) {
            out.append(String.format(Locale.ROOT, "%n… %d more layers", layers - shown));
        }
        List<ModuleRouting> collapsed = collapsed();
        if (!collapsed.isEmpty()) {
            String names = String.join(
                    ", ",
                    collapsed.stream().limit(4).map(m -> m.site().toString()).toList());
            out.append(String.format(
                    Locale.ROOT,
                    "%ncollapsed (below 2 %% or above 98 %%): %d modules, %s%s",
                    collapsed.size(),
                    names,
                    collapsed.size() > 4 ? ", …" : ""));
        }
        return out.toString().replace("\r", "");
    }

    // Where no router was asked there is no probability and no entropy.
    private static String bits(ModuleRouting module) {
        return Double.isNaN(module.entropy()) ? "–" : String.format(Locale.ROOT, "%.3f", module.entropy());
    }

    @Override
    public String toString() {
        return text();
    }
}
