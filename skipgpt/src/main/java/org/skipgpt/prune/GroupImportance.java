package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerArray;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.weights.LayerWeights;

/**
 * How much each head and each MLP channel matters to the loss, by its gradient (LLM-Pruner, 2023).
 *
 * @param heads for each layer, of each key head with the query heads that read it
 * @param channels for each layer, of each channel of the MLP
 */
record GroupImportance(List<double[]> heads, List<double[]> channels) {
    private static final List<LayerArray> OF_HEADS = List.of(LayerArray.QUERY, LayerArray.KEY_VALUE, LayerArray.OUT);
    private static final List<LayerArray> OF_CHANNELS = List.of(LayerArray.GATE_UP, LayerArray.DOWN);

    /** Gradient and mean squared gradient of one array. */
    private record Slope(double[] first, double[] squared) {}

    static GroupImportance of(
            LanguageModel model, LlmPrunerConfig config, List<int[]> texts, ProgressObserver observer) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("no calibration text; give at least one sequence");
        }
        try (WeightGradients gradients = new WeightGradients(model)) {
            IdentityHashMap<NDArray, Slope> slopes = new IdentityHashMap<>();
            long tokens = texts.stream().mapToLong(text -> text.length - 1L).sum();
            long start = System.nanoTime();
            for (int i = 0; i < texts.size(); i++) {
                Interruption.check();
                // The mean over all predicted tokens, as of one batch.
                gradients.add(texts.get(i), 1);
                double share = (texts.get(i).length - 1.0) / tokens;
                for (int layer = config.first(); layer <= config.last(); layer++) {
                    LayerWeights own = gradients.layers().get(layer);
                    for (NDArray matrix : matrices(model.config(), own)) {
                        note(slopes, matrix, share, texts.size());
                    }
                }
                gradients.clear();
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(new Progress("gradients", i + 1, texts.size(), "texts", seconds, ""));
            }
            return of(model.config(), config, gradients.layers(), slopes);
        }
    }

    private static List<NDArray> matrices(DecoderConfig model, LayerWeights layer) {
        List<NDArray> all = new ArrayList<>();
        OF_HEADS.forEach(array -> all.add(matrix(model, layer, ModuleKind.ATTENTION, array)));
        OF_CHANNELS.forEach(array -> all.add(matrix(model, layer, ModuleKind.MLP, array)));
        return all;
    }

    private static NDArray matrix(DecoderConfig model, LayerWeights layer, ModuleKind module, LayerArray array) {
        return layer.of(module).get(LayerTensors.place(model, module, array));
    }

    private static void note(IdentityHashMap<NDArray, Slope> slopes, NDArray matrix, double share, int texts) {
        float[] g = WeightGradients.of(matrix);
        Slope slope = slopes.computeIfAbsent(matrix, one -> new Slope(new double[g.length], new double[g.length]));
        for (int i = 0; i < g.length; i++) {
            slope.first()[i] += share * g[i];
            slope.squared()[i] += (double) g[i] * g[i] / texts;
        }
    }

    private static GroupImportance of(
            DecoderConfig model,
            LlmPrunerConfig config,
            List<LayerWeights> layers,
            IdentityHashMap<NDArray, Slope> slopes) {
        List<double[]> heads = new ArrayList<>();
        List<double[]> channels = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            LayerShape shape = model.layer(layer);
            double[] ofHeads = new double[shape.kvHeads()];
            double[] ofChannels = new double[shape.hidden()];
            if (layer >= config.first() && layer <= config.last()) {
                LayerWeights own = layers.get(layer);
                int group = shape.heads() / shape.kvHeads();
                for (LayerArray array : OF_HEADS) {
                    // Rows of query, keys and values, columns of the output; a key head's are as wide as its query
                    // heads'.
                    NDArray matrix = matrix(model, own, ModuleKind.ATTENTION, array);
                    double[] each = each(matrix, slopes, array != LayerArray.OUT, config.importance());
                    int width = array == LayerArray.KEY_VALUE ? model.headDim() : group * model.headDim();
                    for (int i = 0; i < each.length; i++) {
                        ofHeads[i / width % ofHeads.length] += each[i];
                    }
                }
                for (LayerArray array : OF_CHANNELS) {
                    NDArray matrix = matrix(model, own, ModuleKind.MLP, array);
                    double[] each = each(matrix, slopes, array == LayerArray.GATE_UP, config.importance());
                    for (int i = 0; i < each.length; i++) {
                        ofChannels[i % ofChannels.length] += each[i];
                    }
                }
            }
            heads.add(ofHeads);
            channels.add(ofChannels);
        }
        return new GroupImportance(heads, channels);
    }

    /** Importance of each row, or of each column, of a matrix. */
    private static double[] each(
            NDArray matrix, IdentityHashMap<NDArray, Slope> slopes, boolean rows, LlmPrunerConfig.Importance kind) {
        float[] w = matrix.toFloatArray();
        Slope slope = slopes.getOrDefault(matrix, new Slope(new double[w.length], new double[w.length]));
        int columns = (int) matrix.getShape().get(1);
        double[] each = new double[rows ? w.length / columns : columns];
        for (int i = 0; i < w.length; i++) {
            double first = w[i] * slope.first()[i];
            double second = (double) w[i] * w[i] * slope.squared()[i];
            double one = switch (kind) {
                case FIRST -> Math.abs(first);
                case SECOND -> second;
                case MIX -> Math.abs(first - 0.5 * second);
                case VECTOR -> first;
            };
            each[rows ? i / columns : i % columns] += one;
        }
        return kind == LlmPrunerConfig.Importance.VECTOR
                ? Arrays.stream(each).map(Math::abs).toArray()
                : each;
    }
}
