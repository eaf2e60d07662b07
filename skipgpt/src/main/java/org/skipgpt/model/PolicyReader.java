package org.skipgpt.model;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Optional;
import org.skipgpt.io.TensorSource;

/**
 * Makes a policy again from what its {@link LayerPolicy#saved} kept.
 *
 * <p>Readers are found as services ({@link java.util.ServiceLoader}) or given to the call that loads.
 */
public interface PolicyReader {
    /** The method whose policies it reads: {@link SavedPolicy#method}. */
    String method();

    /**
     * Reads a policy.
     *
     * @param settings as saved
     * @param tensors the policy's weights, where it saved some; closed after the call
     * @param over the base model under what was read of the folder so far: a policy that wraps others wraps its policy
     * @param kv which keys and values skipped tokens leave
     * @param owner owns what the policy needs
     * @throws org.skipgpt.io.CheckpointException if the settings are not understood or do not fit the model
     */
    LayerPolicy read(
            JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner);
}
