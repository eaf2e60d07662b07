package org.skipgpt.prune;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.DecoderWeights;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.WeightSaver;
import org.skipgpt.report.WholeFile;

/**
 * A model without some of its layers, or with merged ones, as an ordinary Hugging Face folder that stock classes load;
 * and one with layers of their own shapes, in the same form with {@code layer_shapes} in its config.json, which this
 * library loads and stock classes refuse.
 *
 * <pre>{@code
 * StockFolder.save(drop(model, shortGpt(model, text, 0.25)), Path.of("llama"), Path.of("llama-pruned"));
 * }</pre>
 */
public final class StockFolder {
    private StockFolder() {}

    /**
     * Writes the folder: weights, config, tokenizer files and, where there is one, the plan ({@code drop-plan.json}).
     *
     * @param pruned a model under a plan that drops whole layers only, or one with new weights that skips nothing: layers
     *     merged by {@link LaCo}, an adapter merged
     * @param tokenizerFiles folder whose tokenizer files are copied
     * @throws IllegalArgumentException if the model has another policy, an adapter that was not merged, or lacks single
     *     modules, for which stock classes have no form
     */
    public static void save(LanguageModel pruned, Path tokenizerFiles, Path folder) {
        if (!pruned.config().sites().stream().allMatch(pruned.policy()::isConstant)) {
            throw new IllegalArgumentException(
                    "this model is " + pruned.policy().describe()
                            + ", which decides token by token: only a dense one, or one without whole layers, is an"
                            + " ordinary model; save this one with save(model, folder), or use drop(model, plan) on"
                            + " the dense one");
        }
        if (pruned.adapter().isPresent()) {
            throw new IllegalArgumentException(
                    "this model has an adapter, which an ordinary folder cannot hold: use Lora.merge first");
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
        DecoderConfig config = pruned.config().withLayers(kept);
        DecoderWeights all = pruned.decoder().weights();
        DecoderWeights some = all.withLayers(
                all.manager(), kept.stream().map(all.layers()::get).toList());
        WeightSaver.save(config, some, all.dtype(), pruned.tokenizer(), tokenizerFiles, folder);
        plan.ifPresent(known -> WholeFile.write(folder.resolve("drop-plan.json"), known.json() + "\n"));
    }
}
