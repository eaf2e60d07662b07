package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.List;
import org.skipgpt.io.JsonFields;

/** Qwen2 and 2.5: biases on queries, keys and values; windows in later layers where the file asks for them. */
final class Qwen2 implements Family {
    @Override
    public String name() {
        return "qwen2";
    }

    @Override
    public String architecture() {
        return "Qwen2ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"max_position_embeddings": 32768, "sliding_window": 4096}""";
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        return Family.super.arithmetic(json, width, headDim).withQkvBias();
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return optionalWindows(json, layers);
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        Family.super.write(json, c);
        writeOptional(json, c);
    }

    /** The windows of Qwen's later layers, which a file must ask for. */
    static List<Integer> optionalWindows(JsonFields json, int layers) {
        int size = FamilyFields.window(json);
        int first = json.integer("max_window_layers", 28, 0, Integer.MAX_VALUE);
        boolean wanted = json.flag("use_sliding_window", false);
        return FamilyFields.windows(json, layers, wanted ? size : 0, layer -> layer >= first);
    }

    static void writeOptional(JsonObject json, DecoderConfig c) {
        FamilyFields.widest(c).ifPresent(window -> json.addProperty("use_sliding_window", true));
    }
}
