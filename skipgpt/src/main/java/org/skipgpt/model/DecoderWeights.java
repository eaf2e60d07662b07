package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.torch.Dtype;

/**
 * All weights of a decoder on one device; the manager owns them.
 *
 * @param manager owner of every array here
 * @param dtype element type of the matrices; norms and biases are always fp32
 * @param embedding (V, D)
 * @param layers L layers
 * @param finalNorm (D)
 * @param head (V, D); the embedding itself where the head is tied
 * @param frequencies rotary frequencies in radians a position, (E/2)
 */
public record DecoderWeights(
        NDManager manager,
        Dtype dtype,
        NDArray embedding,
        List<LayerWeights> layers,
        NDArray finalNorm,
        NDArray head,
        NDArray frequencies) {
    /** Copies the list. */
    public DecoderWeights {
        layers = List.copyOf(layers);
    }

    /**
     * Says that arrays of {@link #all} will change in place, as full training does: from now on inference reads them as they are.
     */
    public void changing() {
        layers.forEach(LayerWeights::changing);
    }

    /** Every array once: what full training changes and what a copy must hold. */
    public List<NDArray> all() {
        List<NDArray> all = new ArrayList<>();
        all.add(embedding);
        for (LayerWeights layer : layers) {
            all.addAll(layer.attention());
            all.addAll(layer.mlp());
        }
        all.add(finalNorm);
        if (head != embedding) {
            all.add(head);
        }
        return all;
    }
}
