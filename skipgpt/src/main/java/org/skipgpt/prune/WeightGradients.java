package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;

/**
 * Gradients of the next-token loss by the weights of all layers, of copies, so that the model's own weights stay as they are.
 *
 * <p>Memory is the layers once more, their gradients, and the graph of one sequence.
 */
final class WeightGradients implements AutoCloseable {
    private final LanguageModel model;
    private final NDManager scope;
    private final Torch.AutoCloseableMode recording;
    private final List<LayerWeights> layers;
    private final Decoder decoder;

    /**
     * Copies the layers of a model.
     *
     * @throws IllegalArgumentException if its weights are not fp32
     */
    WeightGradients(LanguageModel model) {
        if (model.dtype() != Dtype.FP32) {
            throw new IllegalArgumentException("gradients of " + model.dtype()
                    + " weights are too coarse to rank by: load the model in a workspace with \"fp32\"");
        }
        model.decoder().weights().checkOnePlace("ranking by gradients of its weights");
        this.model = model;
        this.scope = model.scope();
        this.recording = Torch.gradients(true);
        DecoderWeights own = model.decoder().weights();
        layers = new ArrayList<>();
        for (LayerWeights layer : own.layers()) {
            layers.add(new LayerWeights(copies(layer.attention()), copies(layer.mlp())).withShortcutsOf(layer));
        }
        LanguageModel plain = LanguageModel.dense(
                model.name(), model.hash(), model.tokenizer(), model.config(), own.withLayers(scope, layers));
        decoder = model.adapter().map(plain::withAdapter).orElse(plain).differentiable();
    }

    private List<NDArray> copies(List<NDArray> arrays) {
        return arrays.stream()
                .map(array -> {
                    NDArray copy = array.duplicate();
                    copy.attach(scope);
                    Gradients.require(copy);
                    return copy;
                })
                .toList();
    }

    /** The copies, whose gradients are added up. */
    List<LayerWeights> layers() {
        return layers;
    }

    /** Adds the gradient of a sequence's mean loss, times a factor. */
    void add(int[] sequence, double weight) {
        try (NDManager one = scope.newSubManager()) {
            int[][] batch = {sequence};
            Rows rows = LanguageLoss.rows(one, decoder, batch);
            NDArray x = decoder.forward(rows, model.policy(), Execution.MASKED, Trace.none()); // (N, D)
            LanguageLoss.backward(one, decoder, x, LanguageLoss.targets(batch), weight);
        }
    }

    /** What was added up for an array so far. */
    static float[] of(NDArray array) {
        try (NDArray gradient = Gradients.of(array)) {
            return gradient.toFloatArray();
        }
    }

    /** Begins again. */
    void clear() {
        for (LayerWeights layer : layers) {
            layer.attention().forEach(Gradients::clear);
            layer.mlp().forEach(Gradients::clear);
        }
    }

    @Override
    public void close() {
        recording.close();
        scope.close();
    }
}
