package org.skipgpt.shape;

import java.util.Collections;
import java.util.List;
import org.skipgpt.io.JsonFields;

/**
 * OLMo 2: what modules add is normed and what they read is not, {@code x + norm(f(x))}; queries are normed all heads together,
 * and so are keys (2 OLMo 2 Furious, 2024).
 */
final class Olmo2 implements Family {
    @Override
    public String name() {
        return "olmo2";
    }

    @Override
    public String architecture() {
        return "Olmo2ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"max_position_embeddings": 2048, "num_key_value_heads": null, "rms_norm_eps": 1e-5}""";
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        return Family.super.arithmetic(json, width, headDim).withNormsBehind();
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return Collections.nCopies(layers, 0);
    }
}
