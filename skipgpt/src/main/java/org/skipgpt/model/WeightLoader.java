package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.torch.Dtype;

/**
 * Turns named tensors into the fused arrays of the forward pass.
 *
 * <p>Files stay mapped; each tensor is copied once, straight to its place.
 */
public final class WeightLoader {
    private static final String PREFIX = "model.";
    private static final String LAYERS = "model.layers.";
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";
    static final String ATTENTION_SHORTCUT = "attn_shortcut.weight";
    static final String MLP_SHORTCUT = "mlp_shortcut.weight";

    private final DecoderConfig config;
    private final TensorSource source;
    private final WeightStore matrices;
    private final WeightStore vectors;
    private final NDManager manager;
    private final Dtype dtype;
    private final Set<ModuleSite> dropped;
    private final Set<String> used = new HashSet<>();

    private WeightLoader(
            DecoderConfig config, TensorSource source, NDManager manager, Dtype dtype, List<ModuleSite> dropped) {
        this.dropped = Set.copyOf(dropped);
        this.config = config;
        this.source = source;
        this.manager = manager;
        this.dtype = dtype;
        this.matrices = new WeightStore(manager, dtype);
        this.vectors = dtype == Dtype.FP32 ? matrices : new WeightStore(manager, Dtype.FP32);
    }

    /**
     * Loads all weights.
     *
     * @param source tensors under Hugging Face names
     * @param manager owner of the arrays; its device is the model's
     * @param dtype element type of matrices in memory
     * @throws CheckpointException if a tensor is missing, has another shape than the configuration says, holds a number
     *     that is not finite, or belongs to a layer that the configuration does not have; or if the weights need more memory
     *     than is available, unless the system property {@code skipgpt.memory.check} is {@code off}
     */
    public static DecoderWeights load(DecoderConfig config, TensorSource source, NDManager manager, Dtype dtype) {
        return load(config, source, manager, dtype, List.of());
    }

    /**
     * Loads all weights of a pruned checkpoint.
     *
     * @param dropped modules whose tensors may be missing, as nothing calls them; theirs are then 0
     */
    public static DecoderWeights load(
            DecoderConfig config, TensorSource source, NDManager manager, Dtype dtype, List<ModuleSite> dropped) {
        if (!manager.getDevice().isGpu()) {
            MemoryCheck.check(config, dtype, MemoryLeft.now());
        }
        return new WeightLoader(config, source, manager, dtype, dropped).all();
    }

    private DecoderWeights all() {
        NDArray embedding = matrix(config.vocabulary(), config.layer(0).width(), EMBEDDING);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(layer(i, "model.layers." + i + "."));
        }
        NDArray finalNorm = norm("model.norm.weight", config.width());
        boolean ownHead = !config.tiedHead();
        refuseOthers();
        NDArray head = ownHead ? matrix(config.vocabulary(), config.width(), HEAD) : embedding;
        return new DecoderWeights(manager, dtype, embedding, layers, finalNorm, head);
    }

    // What a layer holds and this decoder would not call changes the numbers: biases, norms, scales, more layers.
    private void refuseOthers() {
        for (String name : source.names()) {
            boolean harmless = used.contains(name) || name.endsWith(".rotary_emb.inv_freq");
            boolean ofLayer = name.startsWith(LAYERS) || name.startsWith(LAYERS.substring(PREFIX.length()));
            if (ofLayer && !harmless) {
                throw new CheckpointException("tensor " + name + " is in the file, but the " + config.layers()
                        + " layers of "
                        + config.family() + " that config.json describes do not use it: the two files do not belong"
                        + " together, or the model is of another family");
            }
        }
    }

    private LayerWeights layer(int layer, String prefix) {
        int d = config.layer(layer).width();
        int out = config.widthAfter(layer);
        int hidden = config.layer(layer).hidden();
        int q = config.queryWidth(layer);
        int kv = config.kvWidth(layer);
        List<NDArray> attention = new ArrayList<>();
        attention.add(norm(prefix + "input_layernorm.weight", d));
        attention.add(matrix(q, d, prefix + "self_attn.q_proj.weight"));
        attention.add(matrix(kv, d, prefix + "self_attn.k_proj.weight", prefix + "self_attn.v_proj.weight"));
        attention.add(matrix(d, q, prefix + "self_attn.o_proj.weight"));
        if (config.qkvBias()) {
            attention.add(vector(q, prefix + "self_attn.q_proj.bias"));
            attention.add(vector(kv, prefix + "self_attn.k_proj.bias", prefix + "self_attn.v_proj.bias"));
        }
        if (config.qkNorm()) {
            attention.add(norm(prefix + "self_attn.q_norm.weight", config.headDim()));
            attention.add(norm(prefix + "self_attn.k_norm.weight", config.headDim()));
        }
        List<NDArray> mlp = new ArrayList<>();
        // Gemma 2 norms module outputs too, and so its names for the norms before modules differ.
        mlp.add(norm(
                prefix + (config.postNorm() ? "pre_feedforward_layernorm" : "post_attention_layernorm") + ".weight",
                d));
        mlp.add(matrix(hidden, d, prefix + "mlp.gate_proj.weight", prefix + "mlp.up_proj.weight"));
        mlp.add(matrix(out, hidden, prefix + "mlp.down_proj.weight"));
        if (config.postNorm()) {
            attention.add(norm(prefix + "post_attention_layernorm.weight", d));
            mlp.add(norm(prefix + "post_feedforward_layernorm.weight", d));
        }
        LayerWeights own = new LayerWeights(attention, mlp);
        return config.layer(layer).shortcut()
                ? own.withShortcuts(
                        shortcut(d, d, prefix + ATTENTION_SHORTCUT), shortcut(out, d, prefix + MLP_SHORTCUT))
                : own;
    }

    // What the stream itself passes stays exact, as the stream does.
    private NDArray shortcut(int out, int in, String name) {
        NDArray target = vectors.allocate(out, in);
        fill(vectors, target, 0, name, out, in);
        return target;
    }

    private NDArray matrix(int rows, int columns, String... names) {
        NDArray target = matrices.allocate((long) rows * names.length, columns);
        for (int i = 0; i < names.length; i++) {
            fill(matrices, target, (long) i * rows * columns, names[i], rows, columns);
        }
        return target;
    }

    private NDArray vector(int size, String... names) {
        NDArray target = vectors.allocate((long) size * names.length);
        for (int i = 0; i < names.length; i++) {
            fill(vectors, target, (long) i * size, names[i], size);
        }
        return target;
    }

    private NDArray norm(String name, int size) {
        NDArray weight = vector(size, name);
        if (config.unitOffsetNorm()) {
            weight.addi(1);
        }
        return weight;
    }

    private void fill(WeightStore store, NDArray target, long at, String name, long... shape) {
        String stored = stored(name);
        if (!source.names().contains(stored) && isDropped(name)) {
            store.fill(target, at, new Zeros(), new TensorInfo(name, "F32", shape));
            return;
        }
        TensorInfo info = source.info(stored);
        if (!Arrays.equals(info.shape(), shape)) {
            throw new CheckpointException("tensor " + stored + " has shape " + Arrays.toString(info.shape())
                    + " but config.json asks for " + Arrays.toString(shape)
                    + ": the two files do not belong together");
        }
        used.add(stored);
        store.fill(target, at, source, info);
    }

    // Folders of the bare decoder leave "model." out; some of a tied model keep the matrix under the head's name only.
    private String stored(String name) {
        List<String> names = new ArrayList<>(List.of(name));
        if (name.startsWith(PREFIX)) {
            names.add(name.substring(PREFIX.length()));
        }
        if (config.tiedHead() && name.equals(EMBEDDING)) {
            names.add(HEAD);
        }
        return names.stream().filter(source.names()::contains).findFirst().orElse(name);
    }

    private boolean isDropped(String name) {
        if (!name.startsWith(LAYERS)) {
            return false;
        }
        String[] parts = name.substring(LAYERS.length()).split("\\.", 2);
        boolean attention = parts[1].startsWith("self_attn.")
                || parts[1].startsWith("input_layernorm.")
                || (config.postNorm() && parts[1].startsWith("post_attention_layernorm."));
        return dropped.contains(
                new ModuleSite(Integer.parseInt(parts[0]), attention ? ModuleKind.ATTENTION : ModuleKind.MLP));
    }

    /** The tensors of modules that a pruned folder does not store. */
    private static final class Zeros implements TensorSource {
        @Override
        public Set<String> names() {
            return Set.of();
        }

        @Override
        public TensorInfo info(String name) {
            throw new IllegalStateException("zeros have the shape that is asked for, none for " + name);
        }

        @Override
        public ByteBuffer bytes(String name, long from, int length) {
            return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        }

        @Override
        public void close() {}
    }

    /**
     * Random weights for training from nothing and for measurements: normal, std 0.02, output matrices scaled by
     * 1/sqrt(2L) (GPT-2's initialisation), norms 1, biases 0.
     */
    public static DecoderWeights random(DecoderConfig config, NDManager manager, Dtype dtype, long seed) {
        if (!config.shapes().isEmpty()) {
            throw new IllegalArgumentException("random weights are for layers of one shape, not for " + config
                    + ": start from a model that was pruned");
        }
        SplittableRandom seeds = new SplittableRandom(seed);
        WeightStore store = new WeightStore(manager, dtype);
        double std = 0.02;
        double out = std / Math.sqrt(2.0 * config.layers());
        NDArray embedding = store.normal(config.vocabulary(), config.width(), std, seeds.nextLong());
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(randomLayer(config, manager, store, std, out, seeds));
        }
        NDArray head = config.tiedHead()
                ? embedding
                : store.normal(config.vocabulary(), config.width(), std, seeds.nextLong());
        NDArray finalNorm = manager.ones(new Shape(config.width()));
        return new DecoderWeights(manager, dtype, embedding, layers, finalNorm, head);
    }

    private static LayerWeights randomLayer(
            DecoderConfig c, NDManager manager, WeightStore store, double std, double out, SplittableRandom seeds) {
        List<NDArray> attention = new ArrayList<>();
        attention.add(ones(manager, c.width()));
        attention.add(store.normal(c.queryWidth(), c.width(), std, seeds.nextLong()));
        attention.add(store.normal(2L * c.kvWidth(), c.width(), std, seeds.nextLong()));
        attention.add(store.normal(c.width(), c.queryWidth(), out, seeds.nextLong()));
        if (c.qkvBias()) {
            attention.add(manager.zeros(new Shape(c.queryWidth())));
            attention.add(manager.zeros(new Shape(2L * c.kvWidth())));
        }
        if (c.qkNorm()) {
            attention.add(ones(manager, c.headDim()));
            attention.add(ones(manager, c.headDim()));
        }
        List<NDArray> mlp = new ArrayList<>();
        mlp.add(ones(manager, c.width()));
        mlp.add(store.normal(2L * c.hidden(), c.width(), std, seeds.nextLong()));
        mlp.add(store.normal(c.width(), c.hidden(), out, seeds.nextLong()));
        if (c.postNorm()) {
            attention.add(ones(manager, c.width()));
            mlp.add(ones(manager, c.width()));
        }
        return new LayerWeights(attention, mlp);
    }

    private static NDArray ones(NDManager manager, int size) {
        return manager.ones(new Shape(size));
    }
}
