package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
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

/**
 * All weights of a decoder on one device; the manager owns them.
 *
 * @param manager owner of every array here
 * @param dtype element type of the matrices; norms and biases are always fp32
 * @param embedding (V, D), as wide as the stream that enters the first layer
 * @param layers L layers
 * @param finalNorm (D)
 * @param head (V, D); the embedding itself where the head is tied
 */
public record DecoderWeights(
        NDManager manager, Dtype dtype, NDArray embedding, List<LayerWeights> layers, NDArray finalNorm, NDArray head) {
    /** Copies the list. */
    public DecoderWeights {
        layers = List.copyOf(layers);
    }

    /** The same with other layers. */
    public DecoderWeights withLayers(NDManager owner, List<LayerWeights> other) {
        return new DecoderWeights(owner, dtype, embedding, other, finalNorm, head);
    }

    /**
     * Says that arrays of {@link #all} will change in place, as full training does: from now on inference reads them as they are.
     */
    public void changing() {
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
            for (NDArray array : all()) {
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
        all.add(embedding);
        for (LayerWeights layer : layers) {
            all.addAll(layer.attention());
            all.addAll(layer.mlp());
            for (ModuleKind module : ModuleKind.values()) {
                layer.shortcut(module).ifPresent(all::add);
            }
        }
        all.add(finalNorm);
        if (head != embedding) {
            all.add(head);
        }
        return all;
    }
}
