package org.skipgpt.prune;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.weights.DecoderWeights;

/**
 * What is left of a model that other programs can load: its layers without those that a plan drops whole.
 *
 * @param config the shape of what is left
 * @param weights its weights, shared with the model
 * @param plan what was dropped, where anything was
 */
record StockModel(DecoderConfig config, DecoderWeights weights, Optional<DropPlan> plan) {
    /**
     * The rest of a model under a plan that drops whole layers only, or of one that skips nothing.
     *
     * @param form what is to hold it, for messages, e.g. "an ordinary folder"
     * @throws IllegalArgumentException if the model has another policy, an adapter that was not merged, or lacks single
     *     modules
     */
    static StockModel of(LanguageModel pruned, String form) {
        if (!pruned.config().sites().stream().allMatch(pruned.policy()::isConstant)) {
            throw new IllegalArgumentException(
                    "this model is " + pruned.policy().describe()
                            + ", which decides token by token: only a dense one, or one without whole layers, is an"
                            + " ordinary model; save this one with save(model, folder), or use drop(model, plan) on"
                            + " the dense one");
        }
        if (pruned.config().sites().stream().anyMatch(site -> pruned.policy().skipParameters(site) > 0)) {
            throw new IllegalArgumentException("this model gives what skips an approximation ("
                    + pruned.policy().describe()
                    + "), which " + form + " cannot hold: save it with save(model, folder), or drop(model, plan) from"
                    + " the dense one");
        }
        if (pruned.adapter().isPresent()) {
            throw new IllegalArgumentException(
                    "this model has an adapter, which " + form + " cannot hold: use Lora.merge first");
        }
        Optional<DropPlan> plan = DropPlan.of(pruned);
        if (plan.isPresent() && !plan.get().isWholeLayers()) {
            String single =
                    plan.get().dropped().stream().map(ModuleSite::toString).collect(Collectors.joining(", "));
            throw new IllegalArgumentException("the plan drops single modules (" + single
                    + "), for which stock classes have no form: save the plan with DropPlan.save instead");
        }
        List<Integer> kept = plan.map(DropPlan::keptLayers)
                .orElseGet(() ->
                        IntStream.range(0, pruned.config().layers()).boxed().toList());
        if (pruned.config().hasShortcuts() && kept.size() < pruned.config().layers()) {
            throw new IllegalArgumentException("layers of " + pruned.name() + " are dropped between matrices on its"
                    + " residual, which would go with them: save the plan with DropPlan.save beside the whole model");
        }
        DecoderWeights all = pruned.decoder().weights();
        DecoderWeights some = all.withLayers(
                all.manager(), kept.stream().map(all.layers()::get).toList());
        return new StockModel(pruned.config().withLayers(kept), some, plan);
    }
}
