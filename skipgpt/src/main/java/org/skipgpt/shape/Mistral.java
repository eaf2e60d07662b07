package org.skipgpt.shape;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.List;
import org.skipgpt.io.JsonFields;

/** Mistral: every layer has the same sliding window, or none has (Jiang and others, Mistral 7B, 2023). */
public final class Mistral implements Family {
    @Override
    public String name() {
        return "mistral";
    }

    @Override
    public String architecture() {
        return "MistralForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"max_position_embeddings": 131072, "sliding_window": 4096}""";
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        List<Integer> windows = FamilyFields.windows(json, layers, FamilyFields.window(json), layer -> true);
        if (windows.stream().distinct().count() > 1) {
            throw json.fault("layer_types", "absent, or the same kind for every layer of this family");
        }
        return windows;
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        json.addProperty("hidden_act", FamilyFields.activation(c));
        RopeJson.write(json, c.rotations().get(0));
        json.add("sliding_window", JsonNull.INSTANCE);
        FamilyFields.widest(c).ifPresent(window -> json.addProperty("sliding_window", window));
    }
}
