package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
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
                0,
                config.vocabulary(),
                config.layer(0).width());
        for (int i = 0; i < config.layers(); i++) {
            String prefix = "model.layers." + i + ".";
            LayerWeights layer = weights.layers().get(i);
            attention(i, prefix, layer.attention());
            mlp(i, prefix, layer.mlp());
            layer.shortcut(ModuleKind.ATTENTION).ifPresent(r -> shortcut(prefix + WeightLoader.ATTENTION_SHORTCUT, r));
            layer.shortcut(ModuleKind.MLP).ifPresent(r -> shortcut(prefix + WeightLoader.MLP_SHORTCUT, r));
        }
        vector("model.norm.weight", weights.finalNorm(), 0, config.width(), true);
        if (!config.tiedHead()) {
            matrix("lm_head.weight", weights.head(), 0, config.vocabulary(), config.width());
        }
    }

    private void shortcut(String name, NDArray array) {
        parts.add(new Part(name, array.getShape().getShape(), array, 0, false, false, false));
    }

    private void attention(int layer, String prefix, List<NDArray> own) {
        int d = config.layer(layer).width();
        int q = config.queryWidth(layer);
        int kv = config.kvWidth(layer);
        vector(prefix + "input_layernorm.weight", own.get(0), 0, d, true);
        rotated(prefix + "self_attn.q_proj.weight", own.get(1), 0, q, d);
        rotated(prefix + "self_attn.k_proj.weight", own.get(2), 0, kv, d);
        matrix(prefix + "self_attn.v_proj.weight", own.get(2), (long) kv * d, kv, d);
        matrix(prefix + "self_attn.o_proj.weight", own.get(3), 0, d, q);
        int at = 4;
        if (config.qkvBias()) {
            rotated(prefix + "self_attn.q_proj.bias", own.get(at++), 0, q);
            rotated(prefix + "self_attn.k_proj.bias", own.get(at), 0, kv);
            vector(prefix + "self_attn.v_proj.bias", own.get(at++), kv, kv, false);
        }
        if (config.qkNorm()) {
            rotated(prefix + "self_attn.q_norm.weight", own.get(at++), 0, config.headDim());
            rotated(prefix + "self_attn.k_norm.weight", own.get(at++), 0, config.headDim());
        }
        if (config.postNorm()) {
            vector(prefix + "post_attention_layernorm.weight", own.get(at), 0, d, true);
        }
    }

    private void mlp(int layer, String prefix, List<NDArray> own) {
        int d = config.layer(layer).width();
        int f = config.layer(layer).hidden();
        String norm = config.postNorm() ? "pre_feedforward_layernorm" : "post_attention_layernorm";
        vector(prefix + norm + ".weight", own.get(0), 0, d, true);
        matrix(prefix + "mlp.gate_proj.weight", own.get(1), 0, f, d);
        matrix(prefix + "mlp.up_proj.weight", own.get(1), (long) f * d, f, d);
        matrix(prefix + "mlp.down_proj.weight", own.get(2), 0, config.widthAfter(layer), f);
        if (config.postNorm()) {
            vector(prefix + "post_feedforward_layernorm.weight", own.get(3), 0, d, true);
        }
    }

    private void matrix(String name, NDArray array, long from, long... shape) {
        add(name, array, from, false, shape);
    }

    private void rotated(String name, NDArray array, long from, long... shape) {
        add(name, array, from, config.ropeInterleaved(), shape);
    }

    private void add(String name, NDArray array, long from, boolean rotated, long... shape) {
        parts.add(new Part(name, shape, array, from, shape.length == 2, false, rotated));
    }

    private void vector(String name, NDArray array, long from, long size, boolean norm) {
        boolean offset = norm && config.unitOffsetNorm();
        parts.add(new Part(name, new long[] {size}, array, from, false, offset, false));
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
