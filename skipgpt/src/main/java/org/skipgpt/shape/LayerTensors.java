package org.skipgpt.shape;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The arrays of a layer in the order in which the compiled methods take them, and the named tensors of a Hugging Face folder
 * whose rows each one holds, one below the other.
 */
public record LayerTensors(List<Fused> attention, List<Fused> mlp) {
    /**
     * An array.
     *
     * @param array what it is
     * @param tensors those of a folder that lie in it
     */
    public record Fused(LayerArray array, List<Tensor> tensors) {
        private static Fused of(LayerArray array, Tensor... tensors) {
            return new Fused(array, List.of(tensors));
        }

        /** Its sizes: all rows, then columns where it is a matrix. */
        public long[] shape() {
            long[] shape = tensors.get(0).shape().clone();
            shape[0] = tensors.stream().mapToLong(t -> t.shape()[0]).sum();
            return shape;
        }

        public boolean isMatrix() {
            return tensors.get(0).shape().length == 2;
        }
    }

    /**
     * A tensor.
     *
     * @param shape one or two sizes, rows first
     * @param norm whether it is the weight of a norm
     * @param turning whether its rows are those of heads that rotate
     */
    public record Tensor(String name, boolean norm, boolean turning, long... shape) {
        public long elements() {
            return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        }
    }

    /** Those of a layer. */
    public static LayerTensors of(DecoderConfig c, int layer) {
        String prefix = "model.layers." + layer + ".";
        return new LayerTensors(attention(c, layer, prefix), mlp(c, layer, prefix));
    }

    /** Those of a module. */
    public List<Fused> of(ModuleKind module) {
        return module == ModuleKind.ATTENTION ? attention : mlp;
    }

    /** What the arrays of a module are, in their order; it is that of all layers. */
    public static List<LayerArray> order(DecoderConfig c, ModuleKind module) {
        return of(c, 0).of(module).stream().map(Fused::array).toList();
    }

    /**
     * The place of an array among those of its module.
     *
     * @throws IllegalArgumentException if the module has none
     */
    public static int place(DecoderConfig c, ModuleKind module, LayerArray array) {
        int place = order(c, module).indexOf(array);
        if (place < 0) {
            throw new IllegalArgumentException(
                    "no " + array + " in the " + module + " of this model: there are " + order(c, module));
        }
        return place;
    }

    private static List<Fused> attention(DecoderConfig c, int layer, String prefix) {
        String self = prefix + "self_attn.";
        int d = c.layer(layer).width();
        int q = c.queryWidth(layer);
        int kv = c.kvWidth(layer);
        List<Fused> all = new ArrayList<>();
        if (c.preNorm()) {
            all.add(norm(LayerArray.NORM, prefix + "input_layernorm.weight", d));
        }
        all.add(Fused.of(LayerArray.QUERY, turning(self + "q_proj.weight", q, d)));
        all.add(Fused.of(
                LayerArray.KEY_VALUE, turning(self + "k_proj.weight", kv, d), plain(self + "v_proj.weight", kv, d)));
        all.add(Fused.of(LayerArray.OUT, plain(self + "o_proj.weight", d, q)));
        if (c.qkvBias()) {
            all.add(Fused.of(LayerArray.QUERY_BIAS, turning(self + "q_proj.bias", q)));
            all.add(Fused.of(
                    LayerArray.KEY_VALUE_BIAS, turning(self + "k_proj.bias", kv), plain(self + "v_proj.bias", kv)));
        }
        if (c.qkNorm()) {
            all.add(Fused.of(
                    LayerArray.QUERY_NORM, new Tensor(self + "q_norm.weight", true, true, c.queryNorm(layer))));
            all.add(Fused.of(LayerArray.KEY_NORM, new Tensor(self + "k_norm.weight", true, true, c.keyNorm(layer))));
        }
        if (c.postNorm()) {
            all.add(norm(LayerArray.POST_NORM, prefix + "post_attention_layernorm.weight", d));
        }
        return all;
    }

    // Where module outputs are normed too, the name of the norm before the MLP is another.
    private static List<Fused> mlp(DecoderConfig c, int layer, String prefix) {
        int d = c.layer(layer).width();
        int f = c.layer(layer).hidden();
        String before = c.postNorm() ? "pre_feedforward_layernorm" : "post_attention_layernorm";
        List<Fused> all = new ArrayList<>();
        if (c.preNorm()) {
            all.add(norm(LayerArray.NORM, prefix + before + ".weight", d));
        }
        all.add(Fused.of(
                LayerArray.GATE_UP,
                plain(prefix + "mlp.gate_proj.weight", f, d),
                plain(prefix + "mlp.up_proj.weight", f, d)));
        all.add(Fused.of(LayerArray.DOWN, plain(prefix + "mlp.down_proj.weight", c.widthAfter(layer), f)));
        if (c.postNorm()) {
            all.add(norm(LayerArray.POST_NORM, prefix + "post_feedforward_layernorm.weight", d));
        }
        return all;
    }

    private static Fused norm(LayerArray array, String name, long size) {
        return Fused.of(array, new Tensor(name, true, false, size));
    }

    private static Tensor plain(String name, long... shape) {
        return new Tensor(name, false, false, shape);
    }

    private static Tensor turning(String name, long... shape) {
        return new Tensor(name, false, true, shape);
    }
}
