package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import org.skipgpt.shape.ModuleSite;

/**
 * Gumbel noise for the gates, passed in so that a module computed twice sees the same draw.
 */
@FunctionalInterface
public interface Noise {
    /**
     * The noise of one module.
     *
     * @param site the module
     * @param like (N, D) gives row count, device and owner
     * @return (N, 2) fp32
     */
    NDArray draw(ModuleSite site, NDArray like);

    /** No noise: the gate is the argmax. */
    static Noise none() {
        return (site, like) -> like.getManager().zeros(new Shape(like.getShape().get(0), 2));
    }

    /** G = -ln(E), E ~ Exp(1); the same seed and site give the same draw. */
    static Noise gumbel(Gate gate, long seed) {
        return (site, like) -> gate.gumbel(like, mixed(seed, site.index()));
    }

    /** A seed of its own for each place (Steele and others' SplitMix64 finaliser). */
    static long mixed(long seed, long place) {
        long z = seed + 0x9E3779B97F4A7C15L * (place + 1);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
