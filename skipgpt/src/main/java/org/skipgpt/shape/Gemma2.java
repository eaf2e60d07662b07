package org.skipgpt.shape;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.List;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * Gemma 2: norms around modules, whose weights lack 1; caps on scores and logits; a window on every other layer (Gemma 2:
 * Improving Open Language Models at a Practical Size, 2024).
 */
final class Gemma2 implements Family {
    @Override
    public String name() {
        return "gemma2";
    }

    @Override
    public String architecture() {
        return "Gemma2ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"head_dim": 256, "max_position_embeddings": 8192, "sliding_window": 4096, "tie_word_embeddings": true,
                 "query_pre_attn_scalar": 256, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}""";
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        FamilyFields.checkGelu(json);
        return Arithmetic.gemma(width, json.number("query_pre_attn_scalar", Numbers.above(0)))
                .withCaps(
                        FamilyFields.cap(json, "attn_logit_softcapping"),
                        FamilyFields.cap(json, "final_logit_softcapping"));
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return FamilyFields.windows(json, layers, FamilyFields.window(json), layer -> layer % 2 == 0);
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        json.addProperty("hidden_activation", FamilyFields.activation(c));
        RopeJson.write(json, c.rotations().get(0));
        json.add("sliding_window", JsonNull.INSTANCE);
        FamilyFields.writeWindows(json, c);
        writeScale(json, c);
    }

    /** Writes what scales queries and what caps scores and logits. */
    static void writeScale(JsonObject json, DecoderConfig c) {
        json.addProperty("query_pre_attn_scalar", Math.round(1 / (c.attentionScale() * c.attentionScale())));
        FamilyFields.addCap(json, "attn_logit_softcapping", c.attentionSoftcap());
        FamilyFields.addCap(json, "final_logit_softcapping", c.headSoftcap());
    }
}
