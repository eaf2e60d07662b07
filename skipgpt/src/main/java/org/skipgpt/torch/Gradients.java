package org.skipgpt.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Leaves, backward passes and gradients, with the engine's traps kept out of sight. */
public final class Gradients {
    private Gradients() {}

    /** Makes an array a leaf that collects gradients. */
    public static void require(NDArray leaf) {
        JniUtils.attachGradient((PtNDArray) leaf, true);
    }

    /** A leaf over the same numbers, cut from the graph behind it; belongs to the owner of the source. */
    public static NDArray leaf(NDArray source) {
        NDArray leaf = source.stopGradient();
        require(leaf);
        return leaf;
    }

    /** Sends a gradient of ones back from a scalar. */
    public static void backward(NDArray scalar) {
        try (NDArray one = scalar.onesLike()) {
            backward(scalar, one);
        }
    }

    /**
     * Sends a gradient back from an array: a vector-Jacobian product.
     *
     * @param upstream same shape as the target
     */
    public static void backward(NDArray target, NDArray upstream) {
        JniUtils.backward((PtNDArray) target, (PtNDArray) upstream, false, false);
    }

    /**
     * An array times a number, for graphs.
     *
     * <p>The engine's own {@code mul(Number)} frees the number's memory at once, on which the graph still counts: after the
     * next garbage collection the gradient would be a product with whatever lies there then.
     *
     * @param scope owner of the result, open until the backward pass is over
     */
    public static NDArray times(NDManager scope, NDArray array, double number) {
        NDArray product = array.mul(scope.create((float) number));
        product.attach(scope);
        return product;
    }

    /** The gradient collected by a leaf; the caller closes it. */
    public static NDArray of(NDArray leaf) {
        return leaf.getGradient();
    }

    /** Sets a leaf's gradient to zero. */
    public static void clear(NDArray leaf) {
        JniUtils.zeroGrad((PtNDArray) leaf);
    }
}
