package org.skipgpt.studies;

import org.skipgpt.lora.LoraConfig;
import org.skipgpt.shape.DecoderConfig;

/**
 * Operations a token of tuning steps.
 *
 * @param length of the texts, the mean a token sees
 * @param a executed share of attention
 * @param m executed share of the MLP
 */
record TuningFlops(DecoderConfig shape, double length, double a, double m) {
    static TuningFlops of(DecoderConfig shape, double length, double[] open) {
        return new TuningFlops(shape, length, open[0], open[1]);
    }

    private double qo() {
        return 4.0 * shape.width() * shape.queryWidth();
    }

    private double kv() {
        return 4.0 * shape.width() * shape.kvWidth();
    }

    private double core() {
        return 2.0 * shape.queryWidth() * length;
    }

    private double mlp() {
        return 6.0 * shape.width() * shape.hidden();
    }

    private double head() {
        return 2.0 * shape.vocabulary() * shape.width();
    }

    private double forward(double a, double m) {
        return shape.layers() * (a * (qo() + core()) + kv() + m * mlp()) + head();
    }

    private double backward(double a, double m) {
        return shape.layers() * (a * (qo() + 2.5 * core()) + kv() + m * mlp()) + head();
    }

    double routerFull() {
        return forward(1, 1) + backward(1, 1);
    }

    /** Of the rows that skip a share rho is computed. */
    double routerSparse(double rho) {
        return forward(a + rho * (1 - a), m + rho * (1 - m)) + backward(a, m);
    }

    double lora() {
        LoraConfig c = LoraConfig.defaults();
        double d = shape.width();
        // Forward and both gradients of the factors: query, value, gate.
        double factors =
                6.0 * c.rank() * (a * (d + shape.queryWidth()) + d + shape.kvWidth() + m * (d + shape.hidden()));
        return forward(a, m) + backward(a, m) + shape.layers() * factors;
    }
}
