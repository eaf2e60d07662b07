package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a folder keeps of a policy; a {@link PolicyReader} of the same method makes the policy again.
 *
 * @param method its name, by which the reader is found
 * @param settings plain values
 * @param tensors its weights by name, fp32; may be empty
 */
public record SavedPolicy(String method, JsonObject settings, Map<String, NDArray> tensors) {
    /** Keeps the order of the tensors. */
    public SavedPolicy {
        settings = settings.deepCopy();
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }

    /** A policy without weights. */
    public static SavedPolicy of(String method, JsonObject settings) {
        return new SavedPolicy(method, settings, Map.of());
    }
}
