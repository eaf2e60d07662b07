package org.skipgpt.route;

import java.util.Arrays;
import org.skipgpt.model.Rows;

/**
 * A linear router on the host, for few rows.
 *
 * <p>Between the products of two modules everything is cold: a call of a few operations takes 0.13 ms there, copying a
 * row and multiplying it 0.02 to 0.06 (AMD EPYC, Zen 3).
 */
final class HostRouter {
    private static final int MOST_ROWS = 8;

    private final float[] w;
    private final float[] b;

    private HostRouter(float[] w, float[] b) {
        this.w = w;
        this.b = b;
    }

    /** Whether routers of this form, on their device, are worth a copy. */
    static boolean serves(Routers routers) {
        RouterConfig config = routers.config();
        boolean plain = config.form() == RouterConfig.Form.LINEAR && config.norm() == RouterConfig.Norm.NONE;
        return plain && !routers.parameters().get(0).getDevice().isGpu();
    }

    /** Whether rows are few enough to be decided here. */
    static boolean serves(Rows rows) {
        return rows.size() <= MOST_ROWS;
    }

    /** A copy of a router's weights, (2, D) and (2). */
    static HostRouter of(Router router) {
        float[] w = router.parameters().get(0).toFloatArray();
        return new HostRouter(
                w, router.config().bias() ? router.parameters().get(1).toFloatArray() : new float[2]);
    }

    /**
     * Decides as {@link Gate#choose}.
     *
     * @param u N x D
     * @param must N, 1 where a row always executes; may be empty
     * @return N, 1 executes, 0 skips
     */
    float[] choose(float[] u, double threshold, float[] must) {
        float[] each = new float[2 * u.length / w.length];
        Arrays.fill(each, (float) threshold);
        return choose(u, each, must);
    }

    /** The same with a threshold of each row, N. */
    float[] choose(float[] u, float[] thresholds, float[] must) {
        int width = w.length / 2;
        float[] gate = new float[u.length / width];
        for (int row = 0; row < gate.length; row++) {
            boolean open = margin(u, row * width) >= thresholds[row];
            gate[row] = open || (must.length > 0 && must[row] > 0) ? 1 : 0;
        }
        return gate;
    }

    /** By how much the logit of executing is above that of skipping, for the row of u that begins at a number. */
    float margin(float[] u, int at) {
        int width = w.length / 2;
        double skip = b[0];
        double execute = b[1];
        for (int i = 0; i < width; i++) {
            double value = u[at + i];
            skip += value * w[i];
            execute += value * w[width + i];
        }
        return (float) execute - (float) skip;
    }
}
