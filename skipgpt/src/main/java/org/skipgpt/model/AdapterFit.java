package org.skipgpt.model;

import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Projection;

/** Tells whether an adapter's factors are those of a model's matrices. */
final class AdapterFit {
    private AdapterFit() {}

    /**
     * Refuses an adapter of another model.
     *
     * @throws IllegalArgumentException with the first factors that do not fit, and what would
     */
    static void check(Adapter adapter, DecoderConfig model, String name) {
        List<String> faults = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            for (Projection projection : adapter.targets()) {
                String fault = fault(adapter, new Adapter.Key(layer, projection), model);
                if (!fault.isEmpty()) {
                    faults.add(projection.target() + " of layer " + layer + " " + fault);
                }
            }
        }
        int layers = adapter.pairs().size() / Math.max(1, adapter.targets().size());
        if (faults.isEmpty()
                && adapter.pairs().size() != model.layers() * adapter.targets().size()) {
            faults.add("it corrects " + layers + " layers, this model has " + model.layers());
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("the adapter does not fit the model " + name + ": "
                    + String.join("; ", faults.subList(0, Math.min(2, faults.size())))
                    + (faults.size() > 2 ? "; and " + (faults.size() - 2) + " more" : "")
                    + ": give it to the model it was tuned for");
        }
    }

    private static String fault(Adapter adapter, Adapter.Key key, DecoderConfig model) {
        Adapter.Pair pair = adapter.pairs().get(key);
        if (pair == null) {
            return "has no factors";
        }
        int inputs = key.projection().inputs(model, key.layer());
        int outputs = key.projection().outputs(model, key.layer());
        Shape a = pair.a().getShape();
        Shape b = pair.b().getShape();
        long rank = a.dimension() == 2 ? a.get(0) : 0;
        boolean fits = a.equals(new Shape(rank, inputs)) && b.equals(new Shape(outputs, rank));
        return fits
                ? ""
                : "has factors A " + a + " and B " + b + ", expected (rank, " + inputs + ") and (" + outputs
                        + ", rank)";
    }
}
