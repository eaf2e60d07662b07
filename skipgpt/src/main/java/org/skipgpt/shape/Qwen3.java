package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.List;
import org.skipgpt.io.JsonFields;

/** Qwen3: queries and keys are normed head by head; windows as in Qwen2. */
final class Qwen3 implements Family {
    @Override
    public String name() {
        return "qwen3";
    }

    @Override
    public String architecture() {
        return "Qwen3ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"head_dim": 128, "max_position_embeddings": 32768, "sliding_window": 4096}""";
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        return Family.super.arithmetic(json, width, headDim).withQkNorm();
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return Qwen2.optionalWindows(json, layers);
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        Family.super.write(json, c);
        Qwen2.writeOptional(json, c);
    }
}
