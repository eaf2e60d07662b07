package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.skipgpt.io.TensorHash;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Places;

/**
 * All weights of a decoder; the manager owns them, layers that lie on other devices through owners below it ({@link Places}).
 *
 * <p>Matrices may be held in blocks of small integers ({@link Dtype#isBlocks}). Whoever asks for arrays of those gets fp32 numbers that
 * are made then and stay beside the blocks; {@link #takeHead} and {@link LayerWeights#take} keep nothing.
 */
public final class DecoderWeights {
    private final NDManager manager;
    private final Places places;
    private final Dtype dtype;
    private final ModuleWeights embedding;
    private final List<LayerWeights> layers;
    private final NDArray finalNorm;
    private final ModuleWeights head;

    /**
     * Takes arrays.
     *
     * @param manager owner of every array here
     * @param dtype element type of the matrices; norms and biases are always fp32
     * @param embedding (V, D), as wide as the stream that enters the first layer
     * @param layers L layers
     * @param finalNorm (D)
     * @param head (V, D); the embedding itself where the head is tied
     */
    public DecoderWeights(
            NDManager manager,
            Dtype dtype,
            NDArray embedding,
            List<LayerWeights> layers,
            NDArray finalNorm,
            NDArray head) {
        this(
                manager,
                dtype,
                Stored.of(embedding),
                layers,
                finalNorm,
                embedding == head ? Optional.empty() : Optional.of(Stored.of(head)));
    }

    DecoderWeights(
            NDManager manager,
            Dtype dtype,
            Stored embedding,
            List<LayerWeights> layers,
            NDArray finalNorm,
            Optional<Stored> ownHead) {
        this(manager, dtype, ModuleWeights.of(List.of(embedding)), layers, finalNorm, ownHead);
    }

    private DecoderWeights(
            NDManager manager,
            Dtype dtype,
            ModuleWeights embedding,
            List<LayerWeights> layers,
            NDArray finalNorm,
            Optional<Stored> ownHead) {
        this(
                manager,
                dtype,
                embedding,
                layers,
                finalNorm,
                ownHead.map(one -> ModuleWeights.of(List.of(one))).orElse(embedding));
    }

    private DecoderWeights(
            NDManager manager,
            Dtype dtype,
            ModuleWeights embedding,
            List<LayerWeights> layers,
            NDArray finalNorm,
            ModuleWeights head) {
        this.manager = manager;
        this.places = Places.under(manager);
        this.embedding = embedding;
        this.layers = List.copyOf(layers);
        this.finalNorm = finalNorm;
        this.head = head;
        boolean blocks =
                embedding.isInBlocks() || head.isInBlocks() || layers.stream().anyMatch(LayerWeights::isInBlocks);
        this.dtype = blocks ? dtype : dtype.ofArrays();
    }

    /**
     * The same with other layers.
     *
     * @throws IllegalStateException if they lie on several devices
     */
    public DecoderWeights withLayers(NDManager owner, List<LayerWeights> other) {
        checkOnePlace("making other layers of them, as merging and pruning do");
        return new DecoderWeights(owner, dtype, embedding, other, finalNorm, head);
    }

    /** Owner of every array here. */
    public NDManager manager() {
        return manager;
    }

    /** Owners of what belongs to each layer, beside its weights. */
    public Places places() {
        return places;
    }

    /**
     * Returns if all layers lie where embedding and head do.
     *
     * @param what is refused otherwise
     * @throws IllegalStateException if they lie on several devices
     */
    public void checkOnePlace(String what) {
        if (!places.isOne()) {
            throw new IllegalStateException("the layers of this model lie on several devices, and " + what
                    + " is written for one: load(name) places all of them on the workspace's device");
        }
    }

    /** Element type of the matrices; norms and biases are always fp32. */
    public Dtype dtype() {
        return dtype;
    }

    /** The embedding as an array, (V, D). */
    public NDArray embedding() {
        return embedding.plain().get(0);
    }

    /** L layers. */
    public List<LayerWeights> layers() {
        return layers;
    }

    /** The last norm's weights, (D). */
    public NDArray finalNorm() {
        return finalNorm;
    }

    /** The head as an array, (V, D); the embedding itself where the head is tied. */
    public NDArray head() {
        return head.plain().get(0);
    }

    /** The embedding as it is held. */
    public Stored storedEmbedding() {
        return embedding.stored().get(0);
    }

    /** The head as it is held; the embedding's where it is tied. */
    public Stored storedHead() {
        return head.stored().get(0);
    }

    /** Whether the head is the embedding. */
    public boolean isTied() {
        return head == embedding;
    }

    /** The head for one call, (V, D); close the result behind it. */
    public WeightLease takeHead() {
        return head.take(Optional.empty());
    }

    /**
     * Embeddings of tokens as a table of their own, (N, D), where the embedding is held in blocks; else empty.
     *
     * @param scope owner of the table
     */
    public Optional<NDArray> rowsOfBlocks(NDManager scope, int[] tokens) {
        return storedEmbedding()
                .blocks()
                .map(blocks -> scope.create(blocks.numbers(tokens), new Shape(tokens.length, blocks.columns())));
    }

    /** Bytes of all matrices that are held in blocks. */
    public long blockBytes() {
        long ends = embedding.blockBytes() + (isTied() ? 0 : head.blockBytes());
        return ends + layers.stream().mapToLong(LayerWeights::blockBytes).sum();
    }

    /**
     * Says that arrays of {@link #all} will change in place, as full training does: from now on inference reads them as they are.
     *
     * @throws IllegalStateException if some are held in blocks
     */
    public void changing() {
        embedding.changing();
        head.changing();
        layers.forEach(LayerWeights::changing);
    }

    /**
     * Returns if the arrays are still there.
     *
     * @throws IllegalStateException if whoever owned them freed them
     */
    public void checkOpen() {
        if (!manager.isOpen()) {
            throw new IllegalStateException("this model is closed: the workspace this model was loaded in was closed by"
                    + " a newer workspace(...), or the model was released; load it again");
        }
    }

    /** Where layers that are not in memory are brought from; empty where all are. */
    public Optional<WeightStream> stream() {
        return layers.stream()
                .flatMap(layer -> Arrays.stream(ModuleKind.values()).flatMap(module -> layer.streamed(module).stream()))
                .map(StreamedModule::stream)
                .findFirst();
    }

    /**
     * Says which modules this thread will surely call next, in their order; streamed ones are read ahead.
     *
     * @param reordered whether their matrices are taken in the kernels' order
     * @return to be closed when the calls are over
     */
    public Expectation expect(List<ModuleSite> sites, boolean reordered) {
        Optional<WeightStream> stream = stream();
        if (stream.isEmpty()) {
            return () -> {};
        }
        List<ModuleSite> inFile = sites.stream()
                .flatMap(site -> layers.get(site.layer()).streamed(site.module()).stream())
                .map(StreamedModule::site)
                .toList();
        stream.get().expect(inFile, reordered);
        return stream.get()::done;
    }

    /** Ends when closed; throws nothing. */
    @FunctionalInterface
    public interface Expectation extends AutoCloseable {
        @Override
        void close();
    }

    /** Whether arrays change in place, so that they are no longer what was loaded. */
    public boolean isChanging() {
        return layers.stream().anyMatch(LayerWeights::isChanging);
    }

    /** Identity of the numbers as they are now, for weights that came from no file: sha256, hex; reads all of them. */
    public String hash() {
        checkOpen();
        try (NDManager scope = manager.newSubManager()) {
            WeightStore store = new WeightStore(scope, dtype);
            TensorHash sum = new TensorHash();
            for (Stored one : stored()) {
                if (one.blocks().isPresent()) {
                    Blocks blocks = one.blocks().get();
                    sum.update(blocks.format() + " " + blocks.bytes().getShape() + "\n");
                    sum.update(blocks.memory());
                    continue;
                }
                NDArray array = one.array().orElseThrow();
                sum.update(array.getShape() + "\n");
                store.read(array, (piece, at) -> {
                    ByteBuffer bytes = ByteBuffer.allocate(4 * piece.length).order(ByteOrder.LITTLE_ENDIAN);
                    bytes.asFloatBuffer().put(piece);
                    sum.update(bytes);
                });
            }
            return sum.hex();
        }
    }

    /** Every array once: what full training changes and what a copy must hold. */
    public List<NDArray> all() {
        List<NDArray> all = new ArrayList<>();
        all.add(embedding());
        for (LayerWeights layer : layers) {
            all.addAll(layer.attention());
            all.addAll(layer.mlp());
            shortcuts(layer).forEach(all::add);
        }
        all.add(finalNorm);
        if (!isTied()) {
            all.add(head());
        }
        return all;
    }

    // In the order of all().
    private List<Stored> stored() {
        List<Stored> all = new ArrayList<>(embedding.stored());
        for (LayerWeights layer : layers) {
            all.addAll(layer.stored(ModuleKind.ATTENTION));
            all.addAll(layer.stored(ModuleKind.MLP));
            shortcuts(layer).forEach(array -> all.add(Stored.of(array)));
        }
        all.add(Stored.of(finalNorm));
        if (!isTied()) {
            all.addAll(head.stored());
        }
        return all;
    }

    private static List<NDArray> shortcuts(LayerWeights layer) {
        List<NDArray> all = new ArrayList<>();
        for (ModuleKind module : ModuleKind.values()) {
            layer.shortcut(module).ifPresent(all::add);
        }
        return all;
    }
}
