package org.skipgpt.shape;

import java.util.List;
import org.skipgpt.io.JsonFields;

/** LLaMA 2 to 3.2 and what others built in its shape (Touvron and others, LLaMA 2, 2023). */
public final class Llama implements Family {
    @Override
    public String name() {
        return "llama";
    }

    @Override
    public String architecture() {
        return "LlamaForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"max_position_embeddings": 2048, "num_key_value_heads": null}""";
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        if (json.has("sliding_window")) {
            throw json.fault("sliding_window", "absent or null: LLaMA's class has no window");
        }
        return FamilyFields.windows(json, layers, 0, layer -> false);
    }
}
