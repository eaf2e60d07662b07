package org.skipgpt.prune;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.DecoderWeights;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.WeightSaver;
import org.skipgpt.report.WholeFile;

/**
 * A model without some of its layers as an ordinary, smaller Hugging Face folder that stock classes load.
 *
 * <pre>{@code
 * StockFolder.save(drop(model, shortGpt(model, text, 0.25)), Path.of("llama"), Path.of("llama-pruned"));
 * }</pre>
 */
public final class StockFolder {
    private StockFolder() {}

    /**
     * Writes the folder: weights, config, tokenizer files and the plan ({@code drop-plan.json}).
     *
     * @param pruned a model under a plan that drops whole layers only
     * @param tokenizerFiles folder whose tokenizer files are copied
     * @throws IllegalArgumentException if the model has another policy, an adapter that was not merged, or lacks single
     *     modules, for which stock classes have no form
     */
    public static void save(LanguageModel pruned, Path tokenizerFiles, Path folder) {
        boolean alike = pruned.config().sites().stream().allMatch(pruned.policy()::isConstant);
        DropPlan plan = DropPlan.of(pruned)
                .filter(found -> alike)
                .orElseThrow(() -> new IllegalArgumentException(
                        "this model is " + pruned.policy().describe()
                                + ": only one without whole layers is an ordinary smaller model; use drop(model, plan)"
                                + " first"));
        if (pruned.adapter().isPresent()) {
            throw new IllegalArgumentException(
                    "this model has an adapter, which an ordinary folder cannot hold: use Lora.merge first");
        }
        if (!plan.isWholeLayers()) {
            String single = plan.dropped().stream().map(ModuleSite::toString).collect(Collectors.joining(", "));
            throw new IllegalArgumentException("the plan drops single modules (" + single
                    + "), for which stock classes have no form: save the plan with DropPlan.save instead");
        }
        List<Integer> kept = plan.keptLayers();
        DecoderConfig config = pruned.config().withLayers(kept);
        DecoderWeights all = pruned.decoder().weights();
        DecoderWeights some = new DecoderWeights(
                all.manager(),
                all.dtype(),
                all.embedding(),
                kept.stream().map(all.layers()::get).toList(),
                all.finalNorm(),
                all.head(),
                all.frequencies());
        WeightSaver.save(config, some, all.dtype(), pruned.tokenizer(), tokenizerFiles, folder);
        WholeFile.write(folder.resolve("drop-plan.json"), plan.json() + "\n");
    }
}
