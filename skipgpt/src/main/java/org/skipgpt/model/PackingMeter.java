package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/** Measures where packing pays at a place when a pass first asks; one for all views of a decoder. */
final class PackingMeter {
    private final int layer;
    private volatile PackingCosts costs;

    /**
     * A meter of a place.
     *
     * @param layer a layer there, whose modules are run
     */
    private PackingMeter(Device device, DecoderConfig config, int layer) {
        this.layer = layer;
        this.costs = PackingCosts.unmeasured(device.isGpu(), config.maxPositions(), Torch.threads());
    }

    /** One for each place that has layers, given to each of its layers; L. */
    static List<PackingMeter> ofLayers(Places places, DecoderConfig config) {
        Map<NDManager, PackingMeter> made = new HashMap<>();
        List<PackingMeter> all = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            int first = layer;
            all.add(made.computeIfAbsent(
                    places.owner(layer), owner -> new PackingMeter(owner.getDevice(), config, first)));
        }
        return List.copyOf(all);
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
                costs = costs.with(module, rows, new ModuleRuns(decoder, layer));
            }
        }
        return costs;
    }
}
