package org.skipgpt.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/** Gradients of programs: leaves, backward passes, results that belong to a scope. */
public final class Autograd {
    private Autograd() {}

    /** Makes an array a leaf whose gradient is recorded, or stops that. */
    public static void learns(NDArray array, boolean on) {
        array.setRequiresGradient(on);
    }

    /** The same numbers without history, owned by a scope. */
    public static NDArray detached(NDArray array, NDManager scope) {
        NDArray cut = array.stopGradient();
        cut.attach(scope);
        return cut;
    }

    /** A leaf with the same numbers, owned by a scope; its gradient is recorded. */
    public static NDArray leaf(NDArray array, NDManager scope) {
        NDArray leaf = detached(array, scope);
        leaf.setRequiresGradient(true);
        return leaf;
    }

    /** Adds the gradients of a scalar to all leaves and frees the graph. */
    public static void backward(NDArray scalar) {
        try (NDArray one = scalar.onesLike()) {
            JniUtils.backward((PtNDArray) scalar, (PtNDArray) one, false, false);
        }
    }

    /** Adds the vector-Jacobian product of an array to all leaves and frees the graph. */
    public static void backward(NDArray array, NDArray upstream) {
        JniUtils.backward((PtNDArray) array, (PtNDArray) upstream, false, false);
    }

    /** A leaf's gradient, owned by a scope; zeros where no graph reached it. */
    public static NDArray gradient(NDArray leaf, NDManager scope) {
        NDArray gradient = JniUtils.getGradient((PtNDArray) leaf);
        if (gradient == null) {
            return scope.zeros(leaf.getShape());
        }
        gradient.attach(scope);
        return gradient;
    }

    /** Sets a leaf's gradient to zero. */
    public static void clear(NDArray leaf) {
        NDArray gradient = JniUtils.getGradient((PtNDArray) leaf);
        if (gradient != null) {
            gradient.close();
            JniUtils.zeroGrad((PtNDArray) leaf);
        }
    }
}
