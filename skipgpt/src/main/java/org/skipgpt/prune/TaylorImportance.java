package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.DecoderWeights;
import org.skipgpt.model.Execution;
import org.skipgpt.model.Interruption;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerWeights;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.LanguageLoss;

/**
 * First-order effect of leaving a unit out: {@code sum |w g|} over its matrices, norms and biases, g the gradient of the mean
 * next-token loss, added up over the sequences before the absolute value.
 *
 * <p>Gradients are those of copies, so the model's own weights stay as they are: memory is the weights once more, their
 * gradients, and the graph of one sequence.
 */
record TaylorImportance(Grain grain) implements Criterion {
    @Override
    public String name() {
        return "Shortened LLaMA Taylor" + (grain == Grain.MODULES ? ", modules" : "");
    }

    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        if (model.dtype() != Dtype.FP32) {
            throw new IllegalArgumentException("gradients of " + model.dtype()
                    + " weights are too coarse to rank by: load the model in a workspace with \"fp32\"");
        }
        if (sequences.isEmpty()) {
            throw new IllegalArgumentException("no calibration text; give at least one sequence");
        }
        try (NDManager scope = model.scope();
                var on = Torch.gradients(true)) {
            LanguageModel copy = copy(model, scope);
            Decoder decoder = copy.differentiable();
            List<LayerWeights> layers = copy.decoder().weights().layers();
            layers.forEach(layer -> {
                layer.attention().forEach(Gradients::require);
                layer.mlp().forEach(Gradients::require);
            });
            run(model, decoder, scope, sequences, observer);
            return units.stream()
                    .mapToDouble(unit -> unit.stream()
                            .flatMap(site -> layers.get(site.layer()).of(site.module()).stream())
                            .mapToDouble(TaylorImportance::importance)
                            .sum())
                    .toArray();
        }
    }

    private static LanguageModel copy(LanguageModel model, NDManager scope) {
        DecoderWeights own = model.decoder().weights();
        List<LayerWeights> layers = new ArrayList<>();
        for (LayerWeights layer : own.layers()) {
            layers.add(new LayerWeights(copies(layer.attention(), scope), copies(layer.mlp(), scope)));
        }
        DecoderWeights copied = new DecoderWeights(
                scope, own.dtype(), own.embedding(), layers, own.finalNorm(), own.head(), own.frequencies());
        LanguageModel plain =
                LanguageModel.dense(model.name(), model.hash(), model.tokenizer(), model.config(), copied);
        return model.adapter().map(plain::withAdapter).orElse(plain);
    }

    private static List<NDArray> copies(List<NDArray> arrays, NDManager scope) {
        return arrays.stream()
                .map(array -> {
                    NDArray copy = array.duplicate();
                    copy.attach(scope);
                    return copy;
                })
                .toList();
    }

    private static void run(
            LanguageModel model, Decoder decoder, NDManager scope, List<int[]> sequences, ProgressObserver observer) {
        long start = System.nanoTime();
        int done = 0;
        for (int[] sequence : sequences) {
            Interruption.check();
            try (NDManager one = scope.newSubManager()) {
                int[][] batch = {sequence};
                Rows rows = LanguageLoss.rows(one, decoder, batch);
                NDArray x = decoder.forward(rows, model.policy(), Execution.MASKED, Trace.none()); // (N, D)
                LanguageLoss.backward(one, decoder, x, LanguageLoss.targets(batch), 1);
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("gradients", ++done, sequences.size(), "texts", seconds, ""));
        }
    }

    private static double importance(NDArray weight) {
        try (NDArray gradient = Gradients.of(weight)) {
            float[] w = weight.toFloatArray();
            float[] g = gradient.toFloatArray();
            double sum = 0;
            for (int i = 0; i < w.length; i++) {
                sum += Math.abs((double) w[i] * g[i]);
            }
            return sum;
        }
    }
}
