package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleSite;

/**
 * First-order effect of leaving a unit out: {@code sum |w g|} over its matrices, norms and biases, g the gradient of the mean
 * next-token loss, added up over the sequences before the absolute value.
 *
 * <p>Memory is that of {@link WeightGradients}.
 */
record TaylorImportance(Grain grain) implements Criterion {
    @Override
    public String name() {
        return "Shortened LLaMA Taylor" + (grain == Grain.MODULES ? ", modules" : "");
    }

    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        if (sequences.isEmpty()) {
            throw new IllegalArgumentException("no calibration text; give at least one sequence");
        }
        long start = System.nanoTime();
        try (WeightGradients gradients = new WeightGradients(model)) {
            int done = 0;
            for (int[] sequence : sequences) {
                Interruption.check();
                gradients.add(sequence, 1);
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(new Progress("gradients", ++done, sequences.size(), "texts", seconds, ""));
            }
            return units.stream()
                    .mapToDouble(unit -> unit.stream()
                            .flatMap(site -> gradients.layers().get(site.layer()).of(site.module()).stream())
                            .mapToDouble(TaylorImportance::importance)
                            .sum())
                    .toArray();
        }
    }

    private static double importance(NDArray weight) {
        float[] w = weight.toFloatArray();
        float[] g = WeightGradients.of(weight);
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            sum += Math.abs((double) w[i] * g[i]);
        }
        return sum;
    }
}
