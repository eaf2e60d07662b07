package org.skipgpt.prune;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * Says how much each part of a model matters: {@code Criterion -> Ranking -> plan -> model}.
 *
 * <p>One of one's own is a few lines, in a notebook cell too:
 *
 * <pre>{@code
 * Criterion depth = Criterion.of("deepest first", Criterion.Grain.MODULES, (model, units, texts, observer) ->
 *         units.stream().mapToDouble(unit -> -unit.get(0).layer()).toArray());
 * LanguageModel pruned = drop(model, plan(model, depth, text, 0.25));
 * }</pre>
 */
public interface Criterion extends Serializable {
    /** What goes as one: a whole layer, or a single attention or MLP module. */
    enum Grain {
        LAYERS,
        MODULES;

        /** What a model can still lose, in forward order: what it lacks already is left out. */
        List<List<ModuleSite>> units(LanguageModel model) {
            List<List<ModuleSite>> units = new ArrayList<>();
            for (int layer = 0; layer < model.config().layers(); layer++) {
                List<ModuleSite> left = new ArrayList<>();
                for (ModuleKind kind : ModuleKind.values()) {
                    ModuleSite site = new ModuleSite(layer, kind);
                    if (!model.policy().isDropped(site)) {
                        left.add(site);
                    }
                }
                if (this == MODULES) {
                    left.forEach(site -> units.add(List.of(site)));
                } else if (!left.isEmpty()) {
                    units.add(List.copyOf(left));
                }
            }
            return units;
        }
    }

    /** The arithmetic of a criterion. */
    @FunctionalInterface
    interface Importance extends Serializable {
        /**
         * Importance of each unit.
         *
         * @param units modules that go together; never empty
         * @param sequences calibration texts as token ids
         * @return as many finite numbers as units, the least for what goes first
         */
        double[] of(
                LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer);
    }

    /** What to call it in plans and tables. */
    String name();

    /** What goes as one. */
    Grain grain();

    /** As {@link Importance#of}. */
    double[] importance(
            LanguageModel model, List<List<ModuleSite>> units, List<int[]> sequences, ProgressObserver observer);

    /** A criterion of one's own. */
    static Criterion of(String name, Grain grain, Importance importance) {
        return new NamedCriterion(name, grain, importance);
    }

    /** ShortGPT (Men et al., 2024): block influence {@code 1 - mean cos(h_i, h_(i+1))} of whole layers. */
    static Criterion shortGpt(Ranking.FinalNorm finalNorm) {
        return new BlockInfluence(finalNorm);
    }

    /** Joint Layer Drop (He et al., LLM-Drop, 2024): {@code 1 - mean cos(x, x + f(norm(x)))} of single modules. */
    static Criterion jointLayerDrop() {
        return of("Joint Layer Drop", Grain.MODULES, (model, units, sequences, observer) -> {
            Similarities found = Similarities.of(model, sequences, observer);
            return units.stream()
                    .mapToDouble(unit -> 1 - found.modules()[unit.get(0).index()])
                    .toArray();
        });
    }

    /** Shortened LLaMA (Kim et al., 2024), PPL: the perplexity without a unit. */
    static Criterion perplexity(Grain grain) {
        return new PerplexityWithout(grain);
    }

    /** Shortened LLaMA (Kim et al., 2024), Taylor: {@code sum |w dL/dw|} over a unit's weights. */
    static Criterion taylor(Grain grain) {
        return new TaylorImportance(grain);
    }

    /** A random order, to compare with; needs no text. */
    static Criterion random(Grain grain, long seed) {
        return new RandomOrder(grain, seed);
    }
}
