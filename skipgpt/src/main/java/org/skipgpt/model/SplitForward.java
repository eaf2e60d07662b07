package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * Modules while routers learn and weights do not, without the backward work that is exactly zero.
 *
 * <p>With {@code y = x + g f(x)} the gate's gradient needs f(x) of every row, but the gradient through f carries the
 * factor g: rows that skip are computed forward only. Under KEEP their keys and values still pass gradients, as other
 * rows' queries read them. Optionally only a share rho of the skipping rows is computed at all, weighted by 1/rho: an
 * unbiased estimate of the gate's gradient.
 */
public final class SplitForward {
    private final Decoder decoder;
    private final double rho;
    private final long seed;

    /**
     * A forward pass.
     *
     * @param decoder differentiable
     * @param rho share of skipping rows that is computed, above 0; 1 is exact
     * @param seed of the choice of rows
     */
    public SplitForward(Decoder decoder, double rho, long seed) {
        if (!(rho > 0 && rho <= 1)) {
            throw new IllegalArgumentException("rho " + rho + " is not allowed: expected a share above 0 up to 1");
        }
        this.decoder = decoder;
        this.rho = rho;
        this.seed = seed;
    }

    /** One module: decides, computes, adds; (N, D) to (N, D). */
    public NDArray module(ModuleSite site, NDArray x, NDArray layerInput, Rows rows, LayerPolicy policy) {
        Decision decision = policy.decide(site, x, layerInput, rows);
        return policy.passing(site, x, added(site, x, rows, policy, decision), decision); // (N, D)
    }

    private NDArray added(ModuleSite site, NDArray x, Rows rows, LayerPolicy policy, Decision decision) {
        boolean evicting = policy.kvPolicy() == KvPolicy.EXECUTED && site.module() == ModuleKind.ATTENTION;
        if (decision.isAll() || decision.isNone() || evicting) {
            return decoder.run(site, x, rows, decision, policy.kvPolicy(), Execution.MASKED);
        }
        NDArray gate = decision.gate();
        int[] open = decision.executing(rows.size());
        if (open.length == rows.size()) {
            return decoder.run(site, x, rows, decision, policy.kvPolicy(), Execution.MASKED);
        }
        RowSet executing = RowSet.of(x.getManager(), rows, open);
        RowSet skipping = RowSet.of(x.getManager(), rows, chosen(others(open, rows.size()), site));
        NDArray scale = x.getManager().create((float) (1 / rho));
        NDArray f = site.module() == ModuleKind.MLP
                ? decoder.calls().call("mlp_split", site, x, executing.index(), skipping.index(), scale)
                : decoder.calls()
                        .call(
                                "attention_split",
                                site,
                                x,
                                executing.index(),
                                executing.offsets(),
                                executing.positions(),
                                skipping.index(),
                                skipping.offsets(),
                                skipping.positions(),
                                scale,
                                rows.offsets(),
                                rows.positions(),
                                decoder.calls().window(site.layer()),
                                rows.cos(site.layer()),
                                rows.sin(site.layer())); // (N, D)
        // The graph keeps f and the gate; a handle on their product would keep (N, D) a module for nothing.
        try (NDArray column = gate.expandDims(1);
                NDArray gatedOutput = column.mul(f)) {
            return decoder.calls().carried(site, x).add(gatedOutput); // (N, D)
        }
    }

    private static int[] others(int[] open, int n) {
        int[] others = new int[n - open.length];
        int at = 0;
        int next = 0;
        for (int row = 0; row < n; row++) {
            if (next < open.length && open[next] == row) {
                next++;
            } else {
                others[at++] = row;
            }
        }
        return others;
    }

    private int[] chosen(int[] rows, ModuleSite site) {
        if (rho == 1) {
            return rows;
        }
        SplittableRandom random = new SplittableRandom(seed * 31 + site.index());
        return Arrays.stream(rows).filter(r -> random.nextDouble() < rho).toArray();
    }
}
