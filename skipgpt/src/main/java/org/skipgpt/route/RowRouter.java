package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Iterator;
import org.skipgpt.vector.RowFormat;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.RowMatrix;

/**
 * One router over one row in Java, any form that {@link RouterConfig} allows; equal to {@link Gate#logits} up to the rounding of sums.
 *
 * <p>Matrices of hidden forms are read where the engine holds them, the few numbers of linear ones are copied. One thread at a
 * time asks it.
 */
final class RowRouter {
    // As in gate.torchscript.
    private static final double INPUT_EPS = 1e-6;
    private static final double HIDDEN_EPS = 1e-5;

    private static final float[] NONE = {};

    private final RowKernels kernels;
    private final boolean norms;
    private final float[] normed;
    private final Margin margin;

    /** By how much the logit of executing is above that of skipping. */
    @FunctionalInterface
    private interface Margin {
        float of(float[] u);
    }

    private RowRouter(RowKernels kernels, boolean norms, int width, Margin margin) {
        this.kernels = kernels;
        this.norms = norms;
        this.normed = new float[norms ? width : 0];
        this.margin = margin;
    }

    /** A router on the CPU, whose arrays must outlive this. */
    static RowRouter of(Router router, RowKernels kernels) {
        RouterConfig config = router.config();
        boolean norms = config.norm() == RouterConfig.Norm.RMS;
        int width = Math.toIntExact(router.parameters().get(0).getShape().get(1));
        if (config.form() == RouterConfig.Form.LINEAR) {
            HostRouter linear = HostRouter.of(router);
            return new RowRouter(kernels, norms, width, u -> linear.margin(u, 0));
        }
        return new RowRouter(kernels, norms, width, new Hidden(router, kernels)::margin);
    }

    /**
     * By how much the logit of executing is above that of skipping.
     *
     * @param u D
     */
    float margin(float[] u) {
        if (!norms) {
            return margin.of(u);
        }
        float scale = scale(kernels, u, INPUT_EPS);
        for (int i = 0; i < normed.length; i++) {
            normed[i] = u[i] * scale;
        }
        return margin.of(normed);
    }

    private static float scale(RowKernels kernels, float[] x, double eps) {
        return (float) (1 / Math.sqrt(kernels.squares(x, 0, x.length) / (double) x.length + eps));
    }

    /** W2 relu(W1 u + b1) + b2, or W2 silu(rms(W1 u + b1)) + b2. */
    private static final class Hidden {
        private final RowKernels kernels;
        private final boolean isNormed;
        private final RowMatrix first;
        private final RowMatrix second;
        private final float[] firstBias;
        private final float[] secondBias;
        private final float[] norm;
        private final float[] hidden;
        private final float[] logits = new float[2];

        Hidden(Router router, RowKernels kernels) {
            RouterConfig config = router.config();
            Iterator<NDArray> arrays = router.parameters().iterator();
            this.kernels = kernels;
            this.isNormed = config.form() == RouterConfig.Form.NORMED_MLP;
            this.first = matrix(arrays.next(), kernels); // (K, D)
            this.firstBias = config.bias() ? arrays.next().toFloatArray() : NONE; // K
            this.norm = isNormed ? arrays.next().toFloatArray() : NONE; // K
            this.second = matrix(arrays.next(), kernels); // (2, K)
            this.secondBias = config.bias() ? arrays.next().toFloatArray() : NONE; // 2
            this.hidden = new float[first.rows()];
        }

        float margin(float[] u) {
            kernels.product(first, u, firstBias, hidden, 0, hidden.length);
            if (isNormed) {
                float scale = scale(kernels, hidden, HIDDEN_EPS);
                for (int i = 0; i < hidden.length; i++) {
                    float h = hidden[i] * scale * norm[i];
                    hidden[i] = (float) (h / (1 + Math.exp(-h)));
                }
            } else {
                for (int i = 0; i < hidden.length; i++) {
                    hidden[i] = Math.max(hidden[i], 0);
                }
            }
            kernels.product(second, hidden, secondBias, logits, 0, 2);
            return logits[1] - logits[0];
        }

        private static RowMatrix matrix(NDArray array, RowKernels kernels) {
            ByteBuffer bytes = array.toByteBuffer(true).order(ByteOrder.nativeOrder());
            int rows = Math.toIntExact(array.getShape().get(0));
            return kernels.matrix(bytes, rows, Math.toIntExact(array.getShape().get(1)), RowFormat.FP32);
        }
    }
}
