package org.skipgpt.prune;

import java.nio.file.Path;
import java.util.Map;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.tokens.TokenizerValues;
import org.skipgpt.torch.Dtype;
import org.skipgpt.weights.GgufSaver;

/**
 * A model without some of its layers, or with merged ones, as one GGUF file that llama.cpp runs and {@code load} reads.
 *
 * <pre>{@code
 * StockGguf.save(drop(model, shortGpt(model, texts, 0.25)), Path.of("llama"), Path.of("pruned.gguf"), GgufStorage.Q8_0);
 * }</pre>
 */
public final class StockGguf {
    /** Name of the value that holds the plan, as DropPlan.json has it, where layers were dropped. */
    public static final String PLAN = "skipgpt.drop_plan";

    private StockGguf() {}

    /**
     * Writes the file: shape, tokenizer, chat template, weights, and the plan where there is one.
     *
     * @param pruned a model under a plan that drops whole layers only, or one with new weights that skips nothing
     * @param tokenizerFiles folder or file, GGUF too, that the model's tokenizer was read from
     * @param storage element type of matrices
     * @throws IllegalArgumentException if the model has another policy, an adapter that was not merged, or lacks single
     *     modules
     * @throws org.skipgpt.io.CheckpointException if the file is there, or GGUF cannot say what the model is; by name
     * @throws org.skipgpt.data.DataException if GGUF cannot say what the tokenizer does, or it is another model's
     */
    public static void save(LanguageModel pruned, Path tokenizerFiles, Path file, GgufStorage storage) {
        StockModel left = StockModel.of(pruned, "a GGUF file of llama.cpp's architectures");
        Map<String, Object> tokens = TokenizerValues.of(
                tokenizerFiles, pruned.tokenizer(), left.config().vocabulary());
        Map<String, Object> notes = left.plan()
                .<Map<String, Object>>map(plan -> Map.of(PLAN, plan.json()))
                .orElse(Map.of());
        GgufSaver.save(pruned.name(), left.config(), left.weights(), storage, tokens, notes, file);
    }

    /** The element type that keeps a model's numbers as they are in memory. */
    public static GgufStorage asInMemory(LanguageModel model) {
        Dtype dtype = model.dtype().ofArrays();
        return dtype == Dtype.FP32 ? GgufStorage.F32 : dtype == Dtype.BF16 ? GgufStorage.BF16 : GgufStorage.F16;
    }
}
