package org.skipgpt.route;

import org.skipgpt.shape.ModuleSite;

/**
 * How one module was routed.
 *
 * @param site the module
 * @param executed 1 where a token ran it; as many as tokens
 * @param probability p_execute of each token; NaN where no router was asked
 */
public record ModuleRouting(ModuleSite site, boolean[] executed, float[] probability) {
    /** Share of tokens that ran it. */
    public double executedShare() {
        int n = 0;
        for (boolean e : executed) {
            n += e ? 1 : 0;
        }
        return (double) n / executed.length;
    }

    /** Mean binary entropy of p_execute in bits; NaN where no router was asked. */
    public double entropy() {
        double sum = 0;
        for (float p : probability) {
            sum += p <= 0 || p >= 1 ? 0 : -(p * Math.log(p) + (1 - p) * Math.log(1 - p)) / Math.log(2);
            if (Float.isNaN(p)) {
                return Double.NaN;
            }
        }
        return sum / probability.length;
    }
}
