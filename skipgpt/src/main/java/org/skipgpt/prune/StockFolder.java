package org.skipgpt.prune;

import java.nio.file.Path;
import java.util.Map;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightSaver;

/**
 * A model without some of its layers, or with merged ones, as an ordinary Hugging Face folder that stock classes load;
 * and one with layers of their own shapes, in the same form with {@code layer_shapes} in its config.json, which this
 * library loads and stock classes refuse.
 *
 * <pre>{@code
 * StockFolder.save(drop(model, shortGpt(model, texts, 0.25)), Path.of("llama"), Path.of("llama-pruned"));
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
        StockModel left = StockModel.of(pruned, "an ordinary folder");
        DecoderWeights weights = left.weights();
        Map<String, String> notes = left.plan()
                .map(known -> Map.of("drop-plan.json", known.json() + "\n"))
                .orElse(Map.of());
        WeightSaver.save(left.config(), weights, weights.dtype(), pruned.tokenizer(), tokenizerFiles, folder, notes);
    }
}
