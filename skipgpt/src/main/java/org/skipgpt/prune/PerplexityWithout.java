package org.skipgpt.prune;

import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ModuleSite;

/**
 * Each unit alone is left out; its importance is the perplexity of the rest, {@code exp(mean of -log p)} over every
 * predicted token.
 */
record PerplexityWithout(Grain grain) implements Criterion {
    @Override
    public String name() {
        return "Shortened LLaMA PPL" + (grain == Grain.MODULES ? ", modules" : "");
    }

    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        long start = System.nanoTime();
        double[] perplexities = new double[units.size()];
        for (int u = 0; u < perplexities.length; u++) {
            DropPlan plan = DropPlan.of(name(), model.config(), units.get(u), Provenance.of(name()));
            perplexities[u] = Math.exp(nats(plan.applyTo(model), sequences));
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("leaving out one by one", u + 1L, units.size(), "units", seconds, ""));
        }
        return perplexities;
    }

    private static double nats(LanguageModel model, List<int[]> sequences) {
        double sum = 0;
        long count = 0;
        for (int[] sequence : sequences) {
            Interruption.check();
            for (float p : model.logProbabilities(sequence)[0]) {
                sum -= p;
                count++;
            }
        }
        if (count == 0) {
            throw new IllegalArgumentException(
                    "no calibration text with a token to predict; give at least one of two tokens");
        }
        return sum / count;
    }
}
