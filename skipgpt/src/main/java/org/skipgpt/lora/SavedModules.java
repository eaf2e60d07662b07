package org.skipgpt.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Set;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightStore;

/** The embedding and the head that an adapter folder stores whole, peft's {@code modules_to_save}. */
final class SavedModules {
    private static final String EMBEDDING = "embed_tokens";
    private static final String HEAD = "lm_head";

    private SavedModules() {}

    /** The model with its own where the folder stores none. */
    static LanguageModel replaced(
            PeftConfig config, SafeTensors tensors, LanguageModel model, NDManager owner, Set<String> left) {
        if (config.saved().isEmpty()) {
            return model;
        }
        if (!Set.of(EMBEDDING, HEAD).containsAll(config.saved())) {
            throw config.fault("modules_to_save", "absent, empty or some of embed_tokens and lm_head");
        }
        if (model.config().tiedHead()) {
            throw config.fault(
                    "modules_to_save", "absent or empty for " + model.name() + ", whose head is its embedding");
        }
        DecoderWeights weights = model.decoder().weights();
        NDArray embedding = config.saved().contains(EMBEDDING)
                ? matrix(tensors, PeftConfig.savedName("model." + EMBEDDING), weights.embedding(), weights, owner, left)
                : weights.embedding();
        NDArray head = config.saved().contains(HEAD)
                ? matrix(tensors, PeftConfig.savedName(HEAD), weights.head(), weights, owner, left)
                : weights.head();
        DecoderWeights own =
                new DecoderWeights(owner, weights.dtype(), embedding, weights.layers(), weights.finalNorm(), head);
        // Another embedding is another model, so it has no hash of a stored checkpoint.
        return LanguageModel.dense(model.name() + " with saved modules", "", model.tokenizer(), model.config(), own)
                .withPolicy(model.policy());
    }

    private static NDArray matrix(
            SafeTensors tensors, String name, NDArray like, DecoderWeights weights, NDManager owner, Set<String> left) {
        TensorInfo info = tensors.info(name);
        long[] shape = like.getShape().getShape();
        if (!Arrays.equals(info.shape(), shape)) {
            throw new CheckpointException("adapter tensor " + name + " has shape " + Arrays.toString(info.shape())
                    + " but this model needs " + Arrays.toString(shape)
                    + ": load it onto the model it was tuned for; other vocabularies are not read");
        }
        left.remove(name);
        WeightStore store = new WeightStore(owner, weights.dtype());
        NDArray own = store.allocate(shape);
        store.fill(own, 0, tensors, info);
        return own;
    }
}
