package org.skipgpt.route;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;

/**
 * Realised skipping of a model on some text, with every way to count it.
 *
 * @param trace what happened
 * @param cost what it saves
 */
public record SparsityReport(RoutingTrace trace, Cost cost) implements Report {
    /** Runs a model over sequences; the stated context is the longest sequence. */
    public static SparsityReport of(LanguageModel model, int[]... sequences) {
        return of(model, sequences, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static SparsityReport of(LanguageModel model, int[][] sequences, ProgressObserver observer) {
        long start = System.nanoTime();
        List<RoutingTrace> traces = new ArrayList<>();
        int context = 1;
        for (int[] s : sequences) {
            Interruption.check();
            traces.add(RoutingTrace.of(model, s));
            context = Math.max(context, s.length);
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("routing", traces.size(), sequences.length, "texts", seconds, ""));
        }
        RoutingTrace trace = RoutingTrace.joined(traces);
        KvPolicy kv = model.policy().kvPolicy();
        long deciding = model.config().sites().stream()
                .mapToLong(model.policy()::parameters)
                .sum();
        Cost cost = Cost.of(
                model.config(),
                deciding,
                kv,
                trace.skipped(ModuleKind.ATTENTION),
                trace.skipped(ModuleKind.MLP),
                context,
                model.cacheNumberBytes());
        return new SparsityReport(trace, approximated(model, trace, cost));
    }

    private static Cost approximated(LanguageModel model, RoutingTrace trace, Cost cost) {
        long parameters = 0;
        double read = 0;
        for (ModuleRouting module : trace.modules()) {
            long own = model.policy().skipParameters(module.site());
            parameters += own;
            read += own * (1 - module.executedShare());
        }
        return parameters == 0 ? cost : cost.withSkipping(model.config(), parameters, read);
    }

    /**
     * The share that was skipped of what a budget counts, 0..1.
     *
     * @param model the shape of the model it ran on
     */
    public double share(DecoderConfig model, Budget budget) {
        return budget.rate(model, trace);
    }

    @Override
    public String text() {
        return cost.text();
    }

    @Override
    public String toString() {
        return text();
    }
}
