package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.skipgpt.io.JsonFields;

/**
 * What makes checkpoints a family: what their config.json means and what they compute. One class a family; what it does not
 * override is as in LLaMA.
 *
 * <p>Fields whose meaning all families share are read by {@link ConfigJson}; a field that neither reads is refused there.
 */
public interface Family {
    /** Its {@code model_type}. */
    String name();

    /** Its class in transformers. */
    String architecture();

    /**
     * Values of fields that a config.json may leave out, as the class in transformers has them: a JSON object. A field that is
     * null is not left out.
     */
    default String defaults() {
        return "{}";
    }

    /** The config.json of what is read of a folder, where the file says more than that: one with a family of its own. */
    default JsonObject text(JsonObject config) {
        return config;
    }

    /** What may stand before {@code layers.0} in names of tensors; the first is what is written. */
    default List<String> prefixes() {
        return List.of("model.", "");
    }

    /**
     * Matrices of a layer that its folders hold as one: the one's name behind that of the layer, and whose rows it has, in their
     * order in {@link LayerTensors}.
     */
    default Map<String, List<Projection>> joined() {
        return Map.of();
    }

    /** What it computes. */
    default Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        return Arithmetic.llama(headDim).withGelu(FamilyFields.gelu(json));
    }

    /** How queries and keys of each layer turn. */
    default List<Rotation> rotations(JsonFields json, int layers, int positions) {
        return Collections.nCopies(layers, RopeJson.read(json, RopeJson.DEFAULT_BASE, positions));
    }

    /** Each layer's sliding window, 0 for none. */
    List<Integer> windows(JsonFields json, int layers);

    /** Writes what {@link ConfigJson} does not. */
    default void write(JsonObject json, DecoderConfig c) {
        json.addProperty("hidden_act", FamilyFields.activation(c));
        RopeJson.write(json, c.rotations().get(0));
        FamilyFields.writeWindows(json, c);
    }
}
