package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.List;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * Gemma 3's texts: Gemma 2 with normed queries and keys, five layers with a window and a rotary base of their own for each one
 * that sees all, and no caps (Gemma 3 Technical Report, 2025).
 */
final class Gemma3 implements Family {
    private static final double GLOBAL_BASE = 1e6;
    private static final double LOCAL_BASE = 1e4;

    @Override
    public String name() {
        return "gemma3_text";
    }

    @Override
    public String architecture() {
        return "Gemma3ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
                 "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096,
                 "max_position_embeddings": 131072, "query_pre_attn_scalar": 256, "tie_word_embeddings": true}""";
    }

    // Folders with images keep the text's tensors apart from the image's.
    @Override
    public List<String> prefixes() {
        return List.of("model.", "", "language_model.model.", "model.language_model.");
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        FamilyFields.checkGelu(json);
        if (json.has("attn_logit_softcapping")) {
            throw json.fault("attn_logit_softcapping", "absent or null, as the class has the field but caps no scores");
        }
        return Arithmetic.gemma(width, json.number("query_pre_attn_scalar", Numbers.above(0)))
                .withQkNorm()
                .withCaps(0, FamilyFields.cap(json, "final_logit_softcapping"));
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        int size = json.integer("sliding_window", 1, Integer.MAX_VALUE);
        int turn = json.integer("sliding_window_pattern", 6, 1, Integer.MAX_VALUE);
        json.has("_sliding_window_pattern"); // what transformers made layer_types of
        return FamilyFields.windows(json, layers, size, layer -> (layer + 1) % turn != 0);
    }

    @Override
    public List<Rotation> rotations(JsonFields json, int layers, int positions) {
        double local = json.number("rope_local_base_freq", LOCAL_BASE, Numbers.between(1, 1e12));
        RopeJson.Kinds kinds = RopeJson.ofKinds(json, GLOBAL_BASE, local, positions);
        Rotation near = kinds.sliding();
        if (!near.equals(Rotation.of(near.base())) || (json.has("rope_local_base_freq") && near.base() != local)) {
            throw json.fault(
                    json.has("rope_local_base_freq") ? "rope_local_base_freq" : "rope_parameters",
                    "one base and no stretch for layers with a window, not " + near);
        }
        return windows(json, layers).stream()
                .map(window -> window > 0 ? near : kinds.full())
                .toList();
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        json.addProperty("hidden_activation", FamilyFields.activation(c));
        RopeJson.write(json, rotation(c, false, GLOBAL_BASE));
        json.addProperty("rope_local_base_freq", rotation(c, true, LOCAL_BASE).base());
        FamilyFields.widest(c).ifPresent(window -> json.addProperty("sliding_window", window));
        FamilyFields.writeKinds(json, c);
        Gemma2.writeScale(json, c);
    }

    private static Rotation rotation(DecoderConfig c, boolean windowed, double otherwise) {
        for (int layer = 0; layer < c.layers(); layer++) {
            if (c.windows().get(layer) > 0 == windowed) {
                return c.rotations().get(layer);
            }
        }
        return Rotation.of(otherwise);
    }
}
