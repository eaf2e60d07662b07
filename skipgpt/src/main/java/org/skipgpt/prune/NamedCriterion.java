package org.skipgpt.prune;

import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleSite;

/** A criterion put together from its parts. */
record NamedCriterion(String name, Grain grain, Importance arithmetic) implements Criterion {
    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        return arithmetic.of(model, units, sequences, observer);
    }
}
