package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * Rotary angles of N rows, for every rotation that a model's layers have at every place.
 *
 * @param cos (N, 1, E) cosines at a place, in the type in which attention computes there; one array a rotation and place
 * @param sin (N, 1, E) sines with the sign that the rotation gives each component, likewise
 * @param ofLayer which of the arrays is each layer's; L
 */
public record Angles(List<NDArray> cos, List<NDArray> sin, List<Integer> ofLayer) {
    /** Cosines of a layer: (N, 1, E). */
    public NDArray cos(int layer) {
        return cos.get(ofLayer.get(layer));
    }

    /** Signed sines of a layer: (N, 1, E). */
    public NDArray sin(int layer) {
        return sin.get(ofLayer.get(layer));
    }
}
