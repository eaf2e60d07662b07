package org.skipgpt.prune;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;

/**
 * How LLM-Pruner prunes.
 *
 * @param ratio p, share of the heads and of the MLP channels of each pruned layer, 0 up to 0.95
 * @param first first layer that is pruned
 * @param last last one
 * @param importance what a group's importance is made of
 * @param global compare the groups of all layers, under one threshold, instead of those of each matrix
 */
public record LlmPrunerConfig(double ratio, int first, int last, Importance importance, boolean global) {
    /** Importance of a row or column of a matrix; w its weights, g the gradient of the loss, G the mean of its squares a text. */
    public enum Importance {
        /** {@code sum |w g|}: the official default. */
        FIRST,
        /** {@code sum w^2 G}: second order, by the diagonal of the Fisher matrix. */
        SECOND,
        /** {@code sum |w g - w^2 G / 2|}: both. */
        MIX,
        /** {@code |sum w g|}: first order of the row as a whole. */
        VECTOR
    }

    /** Checks every field; all faults are told at once. */
    public LlmPrunerConfig {
        List<String> faults = new ArrayList<>();
        if (!(ratio >= 0 && ratio <= 0.95)) {
            faults.add("ratio " + ratio + " is not allowed: expected 0..0.95; use withRatio(0.25)");
        }
        if (first < 0 || last < first) {
            faults.add("layers " + first + ".." + last
                    + " are not allowed: expected 0 or more, the first before the last;" + " use withLayers(4, 29)");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("LLM-Pruner: " + String.join("; ", faults));
        }
    }

    /** The released script: {@code sum |w g|}, each layer apart, without the first eighth and the last sixteenth: 4..29 of 32. */
    public static LlmPrunerConfig official(int layers, double ratio) {
        int first = Math.min(layers - 1, Math.round(layers / 8f));
        int last = Math.max(first, layers - 1 - Math.round(layers / 16f));
        return new LlmPrunerConfig(ratio, first, last, Importance.FIRST, false);
    }

    /**
     * The official one whose result lacks a share of the parameters that the blocks have; the nearest that whole heads and
     * channels allow.
     *
     * @throws IllegalArgumentException if the pruned layers do not hold that many
     */
    public static LlmPrunerConfig matching(DecoderConfig model, double parameterRatio) {
        LlmPrunerConfig base = official(model.layers(), 0);
        DoubleFunction<Double> missed = p -> Math.abs(base.withRatio(p).parameterRatio(model) - parameterRatio);
        double best = IntStream.rangeClosed(0, 950)
                .mapToObj(i -> i / 1000.0)
                .min((a, b) -> Double.compare(missed.apply(a), missed.apply(b)))
                .orElse(0.0);
        if (base.withRatio(0.95).parameterRatio(model) < parameterRatio) {
            throw new IllegalArgumentException("layers " + base.first() + ".." + base.last() + " do not hold "
                    + Math.round(100 * parameterRatio)
                    + " % of the parameters of the blocks: ask for less, or prune more"
                    + " layers withLayers(0, " + (model.layers() - 1) + ")");
        }
        return base.withRatio(best);
    }

    /** With another ratio. */
    public LlmPrunerConfig withRatio(double other) {
        return new LlmPrunerConfig(other, first, last, importance, global);
    }

    /** In other layers, both ends included. */
    public LlmPrunerConfig withLayers(int from, int to) {
        return new LlmPrunerConfig(ratio, from, to, importance, global);
    }

    /** By another importance. */
    public LlmPrunerConfig withImportance(Importance other) {
        return new LlmPrunerConfig(ratio, first, last, other, global);
    }

    /** With one threshold for all layers, or each layer apart. */
    public LlmPrunerConfig withGlobal(boolean on) {
        return new LlmPrunerConfig(ratio, first, last, importance, on);
    }

    /** The shape that each layer apart is pruned to; a global threshold leaves others. */
    DecoderConfig shape(DecoderConfig model) {
        return model.withShapes(IntStream.range(0, model.layers())
                .mapToObj(layer -> shape(model, layer))
                .toList());
    }

    private LayerShape shape(DecoderConfig model, int layer) {
        LayerShape shape = model.layer(layer);
        if (layer < first || layer > last) {
            return shape;
        }
        int group = shape.heads() / shape.kvHeads();
        int kept = shape.kvHeads() - Math.min(shape.kvHeads() - 1, gone(model.kvWidth(layer)) / model.headDim());
        int hidden = shape.hidden() - Math.min(shape.hidden() - 1, gone(shape.hidden()));
        return shape.withHeads(group * kept, kept).withHidden(hidden);
    }

    /** Of so many channels, how many go: C - int(C (1 - p)). */
    int gone(int channels) {
        return channels - (int) (channels * (1 - ratio) + 1e-9);
    }

    /** Share of the block parameters that goes where each layer is pruned apart. */
    public double parameterRatio(DecoderConfig model) {
        return 1 - (double) shape(model).blockParameters() / model.blockParameters();
    }
}
