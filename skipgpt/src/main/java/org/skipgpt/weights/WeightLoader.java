package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.skipgpt.io.BlockFormat;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Places;

/**
 * Turns named tensors into the fused arrays of the forward pass.
 *
 * <p>Files stay mapped; each tensor is copied once, straight to its place.
 */
public final class WeightLoader {
    static final String ATTENTION_SHORTCUT = "attn_shortcut.weight";
    static final String MLP_SHORTCUT = "mlp_shortcut.weight";

    private final DecoderConfig config;
    private final TensorSource files;
    private final TensorSource source;
    private final WeightStore matrices;
    private final WeightStore vectors;
    private final BlockMatrices blocks;
    private final NDManager manager;
    private final Dtype dtype;
    private final Set<ModuleSite> dropped;
    private final TensorNames names;
    private final Set<String> used;

    private WeightLoader(
            DecoderConfig config, TensorSource source, NDManager manager, Dtype dtype, List<ModuleSite> dropped) {
        this.dropped = Set.copyOf(dropped);
        this.used = new HashSet<>();
        this.config = config;
        this.files = source;
        this.source = new JoinedMatrices(config).apart(source);
        this.names = new TensorNames(config, this.source);
        this.manager = manager;
        this.dtype = dtype;
        this.matrices = new WeightStore(manager, dtype);
        this.blocks = new BlockMatrices(dtype, matrices);
        this.vectors = dtype == Dtype.FP32 ? matrices : new WeightStore(manager, Dtype.FP32);
    }

    private WeightLoader(WeightLoader from, NDManager owner) {
        this.config = from.config;
        this.files = from.files;
        this.source = from.source;
        this.names = from.names;
        this.dropped = from.dropped;
        this.used = from.used;
        this.dtype = from.dtype;
        this.manager = owner;
        this.matrices = new WeightStore(owner, dtype);
        this.blocks = new BlockMatrices(dtype, matrices);
        this.vectors = dtype == Dtype.FP32 ? matrices : new WeightStore(owner, Dtype.FP32);
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
        return new WeightLoader(config, source, manager, dtype, dropped).all(i -> false);
    }

    /**
     * Loads the weights that a placement has in memory; those of streamed layers are read from the source when they are called,
     * which stays open as long as the manager.
     *
     * @throws CheckpointException also if the placement needs more than its devices have, or the source cannot be read
     *     piece by piece
     * @throws IllegalArgumentException for streamed layers whose stream passes matrices at every module
     */
    public static DecoderWeights load(
            DecoderConfig config,
            TensorSource source,
            NDManager manager,
            Dtype dtype,
            List<ModuleSite> dropped,
            Placement placement) {
        if (MemoryCheck.isOn()) {
            placement.check();
        }
        Places.begin(manager, placement.devices());
        return new WeightLoader(config, source, manager, dtype, dropped).all(placement::isStreamed);
    }

    /** Bytes of each module in its file, 2L; 0 for what a pruned folder does not store. */
    static List<Long> storedBytes(DecoderConfig config, TensorSource source) {
        TensorSource apart = new JoinedMatrices(config).apart(source);
        TensorNames names = new TensorNames(config, apart);
        List<Long> bytes = new ArrayList<>();
        for (ModuleSite site : config.sites()) {
            bytes.add(LayerTensors.of(config, site.layer()).of(site.module()).stream()
                    .flatMap(fused -> fused.tensors().stream())
                    .map(tensor -> names.stored(tensor.name()))
                    .filter(apart.names()::contains)
                    .mapToLong(apart::storedBytes)
                    .sum());
        }
        return bytes;
    }

    private DecoderWeights all(IntPredicate streamed) {
        Optional<WeightStream> stream =
                IntStream.range(0, config.layers()).anyMatch(streamed) ? Optional.of(stream()) : Optional.empty();
        Stored embedding = matrix(config.vocabulary(), config.layer(0).width(), TensorNames.EMBEDDING);
        List<WeightLoader> loaders = Places.under(manager).each(config.layers(), this::at);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(
                    streamed.test(i)
                            ? streamed(stream.orElseThrow(), i)
                            : loaders.get(i).layer(i, "model.layers." + i + "."));
        }
        NDArray finalNorm = norm("model.norm.weight", config.width());
        boolean ownHead = !config.tiedHead();
        refuseOthers();
        Optional<Stored> head =
                ownHead ? Optional.of(matrix(config.vocabulary(), config.width(), TensorNames.HEAD)) : Optional.empty();
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
            boolean ofLayer = names.prefixes().stream().anyMatch(prefix -> name.startsWith(prefix + "layers."));
            if (ofLayer && !harmless) {
                throw new CheckpointException("tensor " + name + " is in the file, but the " + config.layers()
                        + " layers of "
                        + config.family() + " that config.json describes do not use it: the two files do not belong"
                        + " together, or the model is of another family");
            }
        }
    }

    // Whoever frees the model waits for the reading thread; what that holds is its own.
    private WeightStream stream() {
        if (config.hasShortcuts()) {
            throw new IllegalArgumentException("layers whose stream passes a matrix at every module, as SliceGPT leaves"
                    + " them, are not streamed: load(name) holds them all in memory");
        }
        if (dtype.isBlocks()) {
            throw new IllegalArgumentException(
                    "layers that stay in the file are widened for each call, so blocks of " + dtype
                            + " are no use of them: load(name) holds all of them in memory, or open the workspace as fp32 or bf16");
        }
        WeightStream stream = new WeightStream(new ModuleReader(manager.getDevice(), dtype, files, this));
        manager.attachInternal("weight stream", stream);
        return stream;
    }

    private LayerWeights streamed(WeightStream stream, int layer) {
        LayerTensors tensors = LayerTensors.of(config, layer);
        for (ModuleKind module : ModuleKind.values()) {
            for (LayerTensors.Fused fused : tensors.of(module)) {
                for (LayerTensors.Tensor tensor : fused.tensors()) {
                    if (isStored(tensor.name()) || !dropped.contains(new ModuleSite(layer, module))) {
                        checked(tensor.name(), tensor.shape());
                    }
                }
            }
        }
        return LayerWeights.streamed(stream, layer);
    }

    /** The same into another owner's arrays; what one uses both have used. */
    private WeightLoader at(NDManager owner) {
        return owner == manager ? this : new WeightLoader(this, owner);
    }

    /** The same over other bytes of the same tensors, its arrays another owner's. */
    WeightLoader over(TensorSource other, NDManager owner) {
        return new WeightLoader(config, other, owner, dtype, List.copyOf(dropped));
    }

    /** A module's arrays, read now. */
    List<NDArray> module(ModuleSite site) {
        return module(site, LayerTensors.of(config, site.layer()).of(site.module()));
    }

    private LayerWeights layer(int layer, String prefix) {
        LayerTensors tensors = LayerTensors.of(config, layer);
        LayerWeights own = LayerWeights.held(
                held(new ModuleSite(layer, ModuleKind.ATTENTION), tensors.attention()),
                held(new ModuleSite(layer, ModuleKind.MLP), tensors.mlp()));
        int d = config.layer(layer).width();
        return config.layer(layer).shortcut()
                ? own.withShortcuts(
                        shortcut(d, d, prefix + ATTENTION_SHORTCUT),
                        shortcut(config.widthAfter(layer), d, prefix + MLP_SHORTCUT))
                : own;
    }

    private List<Stored> held(ModuleSite site, List<LayerTensors.Fused> arrays) {
        List<Stored> all = new ArrayList<>();
        for (LayerTensors.Fused fused : arrays) {
            Optional<Stored> asStored = fused.isMatrix() ? asStored(fused.tensors()) : Optional.empty();
            all.add(asStored.orElseGet(() -> {
                NDArray array = array(site, fused);
                String name = fused.tensors().get(0).name();
                return fused.isMatrix() ? blocks.ofLayer(name, array) : Stored.of(array);
            }));
        }
        return all;
    }

    private List<NDArray> module(ModuleSite site, List<LayerTensors.Fused> arrays) {
        List<NDArray> all = new ArrayList<>();
        try {
            for (LayerTensors.Fused fused : arrays) {
                all.add(array(site, fused));
            }
            return all;
        } catch (RuntimeException | Error e) {
            all.forEach(NDArray::close);
            throw e;
        }
    }

    private NDArray array(ModuleSite site, LayerTensors.Fused fused) {
        WeightStore store = fused.isMatrix() ? matrices : vectors;
        NDArray target = store.allocate(fused.shape());
        try {
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
            return target;
        } catch (RuntimeException | Error e) {
            target.close();
            throw e;
        }
    }

    // What the stream itself passes stays exact, as the stream does.
    private NDArray shortcut(int out, int in, String name) {
        NDArray target = vectors.allocate(out, in);
        fill(vectors, target, 0, name, out, in);
        return target;
    }

    private Stored matrix(long rows, long columns, String name) {
        return asStored(List.of(new LayerTensors.Tensor(name, false, false, rows, columns)))
                .orElseGet(() -> {
                    NDArray target = matrices.allocate(rows, columns);
                    fill(matrices, target, 0, name, rows, columns);
                    return blocks.ofEnds(name, target);
                });
    }

    /** Tensors one below the other in the blocks that the file has; empty where it has none of these, or others are wanted. */
    private Optional<Stored> asStored(List<LayerTensors.Tensor> tensors) {
        if (!tensors.stream().allMatch(tensor -> isStored(tensor.name()))) {
            return Optional.empty();
        }
        List<String> stored =
                tensors.stream().map(tensor -> names.stored(tensor.name())).toList();
        return blocks.stored(source, stored).map(format -> {
            List<TensorInfo> infos = tensors.stream()
                    .map(tensor -> checked(tensor.name(), tensor.shape()))
                    .toList();
            return BlockMatrices.read(manager, source, infos, format);
        });
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
        String stored = names.stored(name);
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
        return source.names().contains(names.stored(name));
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
        BlockMatrices blocks = new BlockMatrices(dtype, store);
        NDArray table = store.normal(config.vocabulary(), config.width(), std, seeds.nextLong());
        Stored embedding = blocks.ofEnds(TensorNames.EMBEDDING, table);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(randomLayer(LayerTensors.of(config, i), manager, store, std, out, seeds, blocks));
        }
        Optional<Stored> head = config.tiedHead()
                ? Optional.empty()
                : Optional.of(blocks.ofEnds(
                        TensorNames.HEAD, store.normal(config.vocabulary(), config.width(), std, seeds.nextLong())));
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
            BlockMatrices blocks) {
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
                    made.add(blocks.ofLayer(fused.tensors().get(0).name(), drawn));
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
