package org.skipgpt.prune;

import java.util.List;
import java.util.SplittableRandom;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleSite;

/** Draws an importance for every module of the model, so that what is gone already changes no other's. */
record RandomOrder(Grain grain, long seed) implements Criterion {
    @Override
    public String name() {
        return "random " + (grain == Grain.LAYERS ? "layers" : "modules") + ", seed " + seed;
    }

    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] drawn = random.doubles(model.config().modules()).toArray();
        return units.stream().mapToDouble(unit -> drawn[unit.get(0).index()]).toArray();
    }
}
