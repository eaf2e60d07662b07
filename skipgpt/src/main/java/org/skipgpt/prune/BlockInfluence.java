package org.skipgpt.prune;

import java.util.List;
import java.util.Locale;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleSite;

/** ShortGPT's criterion. */
record BlockInfluence(Ranking.FinalNorm finalNorm) implements Criterion {
    @Override
    public String name() {
        return "ShortGPT, final norm " + finalNorm.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public Grain grain() {
        return Grain.LAYERS;
    }

    @Override
    public double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer) {
        Similarities found = Similarities.of(model, sequences, observer);
        int last = model.config().layers() - 1;
        return units.stream()
                .mapToInt(unit -> unit.get(0).layer())
                .mapToDouble(layer -> layer == last && finalNorm == Ranking.FinalNorm.INCLUDED
                        ? 1 - found.lastNormed()
                        : 1 - found.layers()[layer])
                .toArray();
    }
}
