package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.stream.IntStream;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/** Runs modules of one of a model's layers for their time. */
record ModuleRuns(Decoder decoder, int layer) implements PackingCosts.Runs {
    /** Several calls in a row, as in a pass: the host prepares one while a GPU computes another, unless it has to wait. */
    private static final int GPU_CALLS = 8;

    @Override
    public int calls() {
        return decoder.weights().places().owner(layer).getDevice().isGpu() ? GPU_CALLS : 1;
    }

    @Override
    public double seconds(ModuleKind module, int n, int executing) {
        ModuleSite site = new ModuleSite(layer, module);
        try (NDManager all = decoder.weights().manager().newSubManager()) {
            Rows rows = decoder.rows(all, new int[n]);
            NDManager scope = rows.places().owner(layer);
            NDArray x = scope.ones(new Shape(n, decoder.config().layer(layer).width()));
            // Spread evenly, as routed tokens roughly are.
            int[] chosen = IntStream.range(0, executing)
                    .map(i -> (int) ((long) i * n / Math.max(1, executing)))
                    .toArray();
            NDArray gate = gate(scope, chosen, n);
            long start = System.nanoTime();
            NDArray y = x;
            for (int i = 0; i < calls(); i++) {
                if (executing == n) {
                    y = decoder.dense(site, x, rows);
                } else if (decoder.calls().routesOnDevice(site, rows, KvPolicy.KEEP)) {
                    y = decoder.calls().routed(site, x, gate, n, rows);
                } else {
                    y = decoder.calls()
                            .packed(
                                    site,
                                    x,
                                    decoder.calls().carried(site, x),
                                    rows,
                                    RowSet.of(scope, rows, chosen),
                                    KvPolicy.KEEP,
                                    Decision.all());
                }
            }
            // Waits for a GPU.
            y.get("0, 0").getFloat();
            return (System.nanoTime() - start) / 1e9;
        }
    }

    private static NDArray gate(NDManager scope, int[] executing, int n) {
        float[] open = new float[n];
        for (int row : executing) {
            open[row] = 1;
        }
        return scope.create(open);
    }
}
