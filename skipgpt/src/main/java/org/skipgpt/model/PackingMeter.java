package org.skipgpt.model;

import ai.djl.Device;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Torch;

/** Measures where packing pays when a pass first asks; one for all views of a decoder. */
final class PackingMeter {
    private volatile PackingCosts costs;

    PackingMeter(Device device, DecoderConfig config) {
        this.costs = PackingCosts.unmeasured(device.isGpu(), config.maxPositions(), Torch.threads());
    }

    /** The most executing rows for which computing only them is the faster way. */
    int most(Decoder decoder, ModuleKind module, int rows) {
        return measured(decoder, module, rows).most(module, rows);
    }

    /** Every size measured. */
    PackingCosts all(Decoder decoder) {
        for (ModuleKind module : ModuleKind.values()) {
            costs.sizes().forEach(rows -> measured(decoder, module, rows));
        }
        return costs;
    }

    private PackingCosts measured(Decoder decoder, ModuleKind module, int rows) {
        if (!costs.knows(module, rows)) {
            // One measurement at a time: two would time each other.
            synchronized (this) {
                costs = costs.with(module, rows, new ModuleRuns(decoder));
            }
        }
        return costs;
    }
}
