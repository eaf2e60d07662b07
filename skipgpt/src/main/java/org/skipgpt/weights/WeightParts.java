package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.skipgpt.report.Interruption;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Dtype;

/**
 * The named tensors of a decoder as a Hugging Face folder holds them, cut out of its fused arrays.
 *
 * <p>Rows of a llama2.c model's query and key matrices are put into the order in which Hugging Face rotates them: within a
 * head of width E, row i and row i + E/2 instead of rows 2i and 2i+1.
 */
final class WeightParts {
    private static final int PIECE = 1 << 20;

    private final DecoderConfig config;
    private final DecoderWeights weights;
    private final WeightStore store;
    private final List<Part> parts = new ArrayList<>();

    /**
     * A tensor: some elements of an array in memory.
     *
     * @param name as Hugging Face names it
     * @param shape one or two sizes, outermost first
     * @param from first element in the array
     * @param rounded whether it is a matrix that may be stored in a narrow type
     * @param minusOne whether one is taken away, as it was added when it was loaded
     * @param rotated whether its rows are those of heads whose rotary pairs are neighbours
     */
    record Part(
            String name, long[] shape, NDArray array, long from, boolean rounded, boolean minusOne, boolean rotated) {
        long columns() {
            return shape.length == 2 ? shape[1] : 1;
        }

        long elements() {
            return shape[0] * columns();
        }
    }

    WeightParts(DecoderConfig config, DecoderWeights weights) {
        this.config = config;
        this.weights = weights;
        this.store = new WeightStore(weights.manager(), Dtype.FP32);
        plan();
    }

    /** Every tensor, in the order of the forward pass. */
    List<Part> all() {
        return List.copyOf(parts);
    }

    /** Gives a tensor's numbers in order, whole rows at a time. */
    void read(Part part, Consumer<float[]> out) {
        // A head at a time where its rows change places.
        long columns = part.columns();
        long step = columns * (part.rotated() ? config.headDim() : Math.max(1, PIECE / columns));
        for (long done = 0; done < part.elements(); done += step) {
            long count = Math.min(step, part.elements() - done);
            float[] rows = new float[Math.toIntExact(count)];
            store.read(part.array(), part.from() + done, count, (piece, at) -> {
                Interruption.check();
                System.arraycopy(piece, 0, rows, (int) at, piece.length);
            });
            if (part.minusOne()) {
                for (int i = 0; i < rows.length; i++) {
                    rows[i] -= 1;
                }
            }
            out.accept(part.rotated() ? halves(rows) : rows);
        }
    }

    private void plan() {
        matrix(
                "model.embed_tokens.weight",
                weights.embedding(),
                config.vocabulary(),
                config.layer(0).width());
        for (int i = 0; i < config.layers(); i++) {
            String prefix = "model.layers." + i + ".";
            LayerWeights layer = weights.layers().get(i);
            LayerTensors tensors = LayerTensors.of(config, i);
            module(tensors.attention(), layer.attention());
            module(tensors.mlp(), layer.mlp());
            layer.shortcut(ModuleKind.ATTENTION).ifPresent(r -> shortcut(prefix + WeightLoader.ATTENTION_SHORTCUT, r));
            layer.shortcut(ModuleKind.MLP).ifPresent(r -> shortcut(prefix + WeightLoader.MLP_SHORTCUT, r));
        }
        long[] width = {config.width()};
        parts.add(new Part("model.norm.weight", width, weights.finalNorm(), 0, false, config.unitOffsetNorm(), false));
        if (!config.tiedHead()) {
            matrix("lm_head.weight", weights.head(), config.vocabulary(), config.width());
        }
    }

    private void shortcut(String name, NDArray array) {
        parts.add(new Part(name, array.getShape().getShape(), array, 0, false, false, false));
    }

    private void module(List<LayerTensors.Fused> arrays, List<NDArray> own) {
        for (int i = 0; i < own.size(); i++) {
            long at = 0;
            for (LayerTensors.Tensor tensor : arrays.get(i).tensors()) {
                boolean offset = tensor.norm() && config.unitOffsetNorm();
                boolean rotated = tensor.turning() && config.ropeInterleaved();
                boolean rounded = tensor.shape().length == 2;
                parts.add(new Part(tensor.name(), tensor.shape(), own.get(i), at, rounded, offset, rotated));
                at += tensor.elements();
            }
        }
    }

    private void matrix(String name, NDArray array, long... shape) {
        parts.add(new Part(name, shape, array, 0, true, false, false));
    }

    /** Rows of one head, (E, columns): even ones first, then odd ones. */
    private float[] halves(float[] head) {
        int rows = config.headDim();
        int columns = head.length / rows;
        float[] sorted = new float[head.length];
        for (int row = 0; row < rows; row++) {
            int to = row / 2 + (row % 2) * (rows / 2);
            System.arraycopy(head, row * columns, sorted, to * columns, columns);
        }
        return sorted;
    }
}
