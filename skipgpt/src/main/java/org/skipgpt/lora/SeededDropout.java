package org.skipgpt.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.skipgpt.model.Dropout;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/** Dropout masks that depend on a seed, a layer and a projection only. */
public final class SeededDropout implements AutoCloseable {
    private final TorchProgram program;
    private final NDManager owner;

    /** Compiles the arithmetic; the owner frees it where nobody closes it before. */
    public SeededDropout(NDManager owner) {
        this.owner = owner;
        this.program = TorchProgram.compile(
                owner, TorchSource.of(Lora.class, "lora.torchscript").code());
    }

    /**
     * Masks of one micro-batch.
     *
     * @param p share of inputs zeroed, 0..1 without 1
     * @param seed the same seed gives the same masks
     */
    public Dropout masks(double p, long seed) {
        return new Dropout() {
            @Override
            public NDArray mask(int layer, Projection projection, NDArray like, long rows, long inputs) {
                return SeededDropout.this.mask(p, seed, layer, projection, like, rows, inputs);
            }

            @Override
            public double scale() {
                return 1 / (1 - p);
            }
        };
    }

    @Override
    public void close() {
        program.close();
    }

    private NDArray mask(double p, long seed, int layer, Projection projection, NDArray like, long rows, long inputs) {
        try (NDManager scope = owner.newSubManager(ai.djl.Device.cpu())) {
            long own =
                    seed + 0x9E3779B97F4A7C15L * (layer * 31L + projection.key().hashCode());
            return program.call(
                    "mask",
                    like,
                    Torch.onCpu(scope, new long[] {rows, inputs}),
                    Torch.onCpu(scope, (float) p),
                    Torch.seed(scope, own));
        }
    }
}
