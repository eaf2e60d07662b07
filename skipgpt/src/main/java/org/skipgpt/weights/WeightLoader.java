package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.skipgpt.io.BlockFormat;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Families;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;

/**
 * Turns named tensors into the fused arrays of the forward pass.
 *
 * <p>Files stay mapped; each tensor is copied once, straight to its place.
 */
public final class WeightLoader {
    private static final String PREFIX = "model.";
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
    private final List<String> prefixes;
    private final Set<String> used = new HashSet<>();

    private WeightLoader(
            DecoderConfig config, TensorSource source, NDManager manager, Dtype dtype, List<ModuleSite> dropped) {
        this.dropped = Set.copyOf(dropped);
        this.config = config;
        this.prefixes = Families.named(config.family()).prefixes();
        this.source = new JoinedMatrices(config).apart(source);
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
        Stored embedding = matrix(config.vocabulary(), config.layer(0).width(), EMBEDDING);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(layer(i, "model.layers." + i + "."));
        }
        NDArray finalNorm = norm("model.norm.weight", config.width());
        boolean ownHead = !config.tiedHead();
        refuseOthers();
        Optional<Stored> head =
                ownHead ? Optional.of(matrix(config.vocabulary(), config.width(), HEAD)) : Optional.empty();
        return checked(new DecoderWeights(manager, dtype, embedding, layers, finalNorm, head));
    }

    private DecoderWeights checked(DecoderWeights made) {
        if (made.dtype() != dtype) {
            throw new CheckpointException("no matrix of this model has rows of whole blocks of " + BlockFormat.NUMBERS
                    + " numbers, so that none can be held as " + dtype + ": load it as fp32 or bf16");
        }
        return made;
    }

    // What a layer holds and this decoder would not call changes the numbers: biases, norms, scales, more layers.
    private void refuseOthers() {
        for (String name : source.names()) {
            boolean harmless = used.contains(name) || name.endsWith(".rotary_emb.inv_freq");
            boolean ofLayer = prefixes.stream().anyMatch(prefix -> name.startsWith(prefix + "layers."));
            if (ofLayer && !harmless) {
                throw new CheckpointException("tensor " + name + " is in the file, but the " + config.layers()
                        + " layers of "
                        + config.family() + " that config.json describes do not use it: the two files do not belong"
                        + " together, or the model is of another family");
            }
        }
    }

    private LayerWeights layer(int layer, String prefix) {
        LayerTensors tensors = LayerTensors.of(config, layer);
        LayerWeights own = LayerWeights.held(
                module(new ModuleSite(layer, ModuleKind.ATTENTION), tensors.attention()),
                module(new ModuleSite(layer, ModuleKind.MLP), tensors.mlp()));
        int d = config.layer(layer).width();
        return config.layer(layer).shortcut()
                ? own.withShortcuts(
                        shortcut(d, d, prefix + ATTENTION_SHORTCUT),
                        shortcut(config.widthAfter(layer), d, prefix + MLP_SHORTCUT))
                : own;
    }

    private List<Stored> module(ModuleSite site, List<LayerTensors.Fused> arrays) {
        List<Stored> all = new ArrayList<>();
        for (LayerTensors.Fused fused : arrays) {
            Optional<Blocks> asStored =
                    fused.isMatrix() ? blocksOfFile(fused.tensors(), fused.shape()) : Optional.empty();
            if (asStored.isPresent()) {
                all.add(Stored.of(asStored.get()));
                continue;
            }
            WeightStore store = fused.isMatrix() ? matrices : vectors;
            NDArray target = store.allocate(fused.shape());
            long at = 0;
            for (LayerTensors.Tensor tensor : fused.tensors()) {
                if (isStored(tensor.name()) || !dropped.contains(site)) {
                    fill(store, target, at, tensor.name(), tensor.shape());
                } else {
                    TensorInfo info = new TensorInfo(tensor.name(), "F32", tensor.shape());
                    store.fill(target, at, new Zeros(), info);
                }
                if (tensor.norm() && config.unitOffsetNorm()) {
                    target.addi(1); // a norm is an array of its own
                }
                at += tensor.elements();
            }
            all.add(fused.isMatrix() ? held(fused.tensors().get(0).name(), target, layerFormat()) : Stored.of(target));
        }
        return all;
    }

    // An element type without blocks has none.
    private Optional<BlockFormat> layerFormat() {
        return dtype.isBlocks() ? Optional.of(BlockFormat.of(dtype)) : Optional.empty();
    }

    // What every token passes and every logit comes from keeps 8 bits, as llama.cpp's files of 4 bits do.
    private Optional<BlockFormat> endFormat() {
        return layerFormat().map(format -> BlockFormat.Q8_0);
    }

    /** A matrix in blocks where its rows are whole ones, else as it is. */
    private Stored held(String name, NDArray matrix, Optional<BlockFormat> format) {
        return held(matrices, name, matrix, format);
    }

    private static Stored held(WeightStore store, String name, NDArray matrix, Optional<BlockFormat> format) {
        if (format.isEmpty() || matrix.getShape().get(1) % BlockFormat.NUMBERS != 0) {
            return Stored.of(matrix);
        }
        try (matrix) {
            return Stored.of(store.blocks(name, matrix, format.get()));
        }
    }

    /** Tensors one below the other as the file has them, where all are stored in the same blocks. */
    private Optional<Blocks> blocksOfFile(List<LayerTensors.Tensor> tensors, long[] shape) {
        if (!dtype.isBlocks() || !tensors.stream().allMatch(tensor -> isStored(tensor.name()))) {
            return Optional.empty();
        }
        Optional<BlockFormat> format = source.blocks(stored(tensors.get(0).name()));
        if (format.isEmpty()
                || !tensors.stream()
                        .allMatch(tensor -> source.blocks(stored(tensor.name())).equals(format))) {
            return Optional.empty();
        }
        Blocks made = Blocks.allocate(manager, shape[0], shape[1], format.get());
        ByteBuffer memory = made.memory();
        for (LayerTensors.Tensor tensor : tensors) {
            Interruption.check();
            String name = checked(tensor.name(), tensor.shape()).name();
            for (long row = 0; row < tensor.shape()[0]; row++) {
                memory.put(source.blockRow(name, row));
            }
        }
        finite(made, tensors.get(0).name());
        return Optional.of(made);
    }

    // Scales may be anything in a damaged file.
    private void finite(Blocks blocks, String name) {
        ByteBuffer memory = blocks.memory();
        for (int at = 0; at < memory.capacity(); at += blocks.format().blockBytes()) {
            boolean two = blocks.format() == BlockFormat.Q4_1;
            if (!isFinite(memory.getShort(at)) || (two && !isFinite(memory.getShort(at + Short.BYTES)))) {
                throw new CheckpointException("tensor " + name + " of " + source
                        + " has a scale that is NaN or infinite;" + " fetch the weights again");
            }
        }
    }

    private static boolean isFinite(short half) {
        return (half & 0x7C00) != 0x7C00;
    }

    // What the stream itself passes stays exact, as the stream does.
    private NDArray shortcut(int out, int in, String name) {
        NDArray target = vectors.allocate(out, in);
        fill(vectors, target, 0, name, out, in);
        return target;
    }

    private Stored matrix(long rows, long columns, String name) {
        long[] shape = {rows, columns};
        Optional<Blocks> asStored = blocksOfFile(List.of(new LayerTensors.Tensor(name, false, false, shape)), shape);
        if (asStored.isPresent()) {
            return Stored.of(asStored.get());
        }
        NDArray target = matrices.allocate(rows, columns);
        fill(matrices, target, 0, name, rows, columns);
        return held(name, target, endFormat());
    }

    private NDArray norm(String name, long size) {
        NDArray weight = vectors.allocate(size);
        fill(vectors, weight, 0, name, size);
        if (config.unitOffsetNorm()) {
            weight.addi(1);
        }
        return weight;
    }

    private void fill(WeightStore store, NDArray target, long at, String name, long... shape) {
        store.fill(target, at, source, checked(name, shape));
    }

    /** A tensor that has the shape it should have, and counts as used. */
    private TensorInfo checked(String name, long... shape) {
        String stored = stored(name);
        TensorInfo info = source.info(stored);
        if (!Arrays.equals(info.shape(), shape)) {
            throw new CheckpointException(
                    "tensor " + stored + " of " + source + " has shape " + Arrays.toString(info.shape())
                            + " but config.json asks for " + Arrays.toString(shape)
                            + ": the two files do not belong together");
        }
        used.add(stored);
        return info;
    }

    private boolean isStored(String name) {
        return source.names().contains(stored(name));
    }

    // Folders of the bare decoder leave "model." out; some of a tied model keep the matrix under the head's name only.
    private String stored(String name) {
        List<String> names = new ArrayList<>();
        if (name.startsWith(PREFIX)) {
            prefixes.forEach(prefix -> names.add(prefix + name.substring(PREFIX.length())));
        } else {
            names.add(name);
        }
        if (config.tiedHead() && name.equals(EMBEDDING)) {
            names.add(HEAD);
        }
        return names.stream().filter(source.names()::contains).findFirst().orElse(name);
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
        Optional<BlockFormat> format = dtype.isBlocks() ? Optional.of(BlockFormat.of(dtype)) : Optional.empty();
        Optional<BlockFormat> ends = format.map(any -> BlockFormat.Q8_0);
        NDArray table = store.normal(config.vocabulary(), config.width(), std, seeds.nextLong());
        Stored embedding = held(store, EMBEDDING, table, ends);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(randomLayer(LayerTensors.of(config, i), manager, store, std, out, seeds, format));
        }
        Optional<Stored> head = config.tiedHead()
                ? Optional.empty()
                : Optional.of(held(
                        store, HEAD, store.normal(config.vocabulary(), config.width(), std, seeds.nextLong()), ends));
        NDArray finalNorm = manager.ones(new Shape(config.width()));
        return new DecoderWeights(manager, dtype, embedding, layers, finalNorm, head);
    }

    private static LayerWeights randomLayer(
            LayerTensors tensors,
            NDManager manager,
            WeightStore store,
            double std,
            double out,
            SplittableRandom seeds,
            Optional<BlockFormat> format) {
        List<List<Stored>> modules = new ArrayList<>();
        for (ModuleKind module : ModuleKind.values()) {
            List<LayerTensors.Fused> arrays = tensors.of(module);
            List<Stored> made = new ArrayList<>();
            for (LayerTensors.Fused fused : arrays) {
                long[] shape = fused.shape();
                // a module's last matrix is the one of its outputs
                boolean last =
                        arrays.subList(made.size() + 1, arrays.size()).stream().noneMatch(LayerTensors.Fused::isMatrix);
                if (fused.isMatrix()) {
                    NDArray drawn = store.normal(shape[0], shape[1], last ? out : std, seeds.nextLong());
                    made.add(held(store, fused.tensors().get(0).name(), drawn, format));
                } else {
                    boolean norm = fused.tensors().get(0).norm();
                    made.add(Stored.of(norm ? manager.ones(new Shape(shape)) : manager.zeros(new Shape(shape))));
                }
            }
            modules.add(made);
        }
        return LayerWeights.held(modules.get(0), modules.get(1));
    }
}
