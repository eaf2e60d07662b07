package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The values of a GGUF file in the terms of a Hugging Face {@code config.json}; a value that is not understood is refused. */
final class GgufConfig {
    private static final Map<String, String> ARCHITECTURES = Map.of(
            "llama", "LlamaForCausalLM",
            "qwen2", "Qwen2ForCausalLM",
            "qwen3", "Qwen3ForCausalLM",
            "gemma2", "Gemma2ForCausalLM",
            "gemma3", "Gemma3ForCausalLM",
            "smollm3", "SmolLM3ForCausalLM",
            "olmo2", "Olmo2ForCausalLM");
    // Read below, or without influence on the arithmetic of the architectures above.
    private static final Set<String> KNOWN = Set.of(
            "block_count",
            "context_length",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "attention.head_count_kv",
            "attention.key_length",
            "attention.value_length",
            "attention.layer_norm_rms_epsilon",
            "attention.sliding_window",
            "attention.sliding_window_pattern",
            "rope.freq_base",
            "rope.freq_base_swa",
            "rope.dimension_count",
            "rope.scaling.type",
            "rope.scaling.factor",
            "rope.scaling.original_context_length",
            "rope.scaling.finetuned",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "vocab_size",
            "expert_count",
            "expert_used_count");

    private final Path path;
    private final Map<String, Object> values;
    private final String architecture;

    GgufConfig(Path path, Map<String, Object> values) {
        this.path = path;
        this.values = values;
        this.architecture = String.valueOf(values.get("general.architecture"));
        if (!ARCHITECTURES.containsKey(architecture)) {
            throw new CheckpointException("File " + path + " has general.architecture \"" + architecture
                    + "\", which is not read; known are " + new TreeSet<>(ARCHITECTURES.keySet()) + ".");
        }
        Object parts = values.getOrDefault("split.count", 1L);
        if (!parts.equals(1L) && !parts.equals(0L)) {
            throw new CheckpointException("File " + path + " is one of " + parts
                    + " parts; join them first with llama.cpp's gguf-split --merge.");
        }
        for (String name : values.keySet()) {
            boolean own = name.startsWith(architecture + ".");
            if (own && !KNOWN.contains(name.substring(architecture.length() + 1))) {
                throw new CheckpointException("File " + path + " has the value " + name + " = " + values.get(name)
                        + ", which this library does not know and which may change the arithmetic.");
            }
        }
        refuseUnless(number("expert_count", 0) == 0, "expert_count", "mixtures of experts are not read");
    }

    private boolean isLlama() {
        return architecture.equals("llama");
    }

    /** Whether rows of query and key projections are interleaved. */
    boolean isInterleaved() {
        return isLlama() || isSmolLm3();
    }

    private boolean isSmolLm3() {
        return architecture.equals("smollm3");
    }

    boolean isGemma() {
        return architecture.startsWith("gemma");
    }

    /** Whether what modules add is normed. */
    boolean normsOutputs() {
        return isGemma() || architecture.equals("olmo2");
    }

    private boolean isGemma3() {
        return architecture.equals("gemma3");
    }

    int heads() {
        return integer("attention.head_count");
    }

    int kvHeads() {
        return (int) number("attention.head_count_kv", heads());
    }

    private int headWidth() {
        return (int) number("attention.key_length", (double) integer("embedding_length") / heads());
    }

    /**
     * The configuration.
     *
     * @param ownHead whether the file has a head besides the embedding
     * @param ropeFactors what the rotary frequencies are divided by; empty where the file has no such tensor
     */
    JsonObject json(boolean ownHead, float[] ropeFactors) {
        JsonObject json = new JsonObject();
        JsonArray architectures = new JsonArray();
        architectures.add(ARCHITECTURES.get(architecture));
        json.add("architectures", architectures);
        json.addProperty("model_type", isGemma3() ? "gemma3_text" : architecture);
        json.addProperty("vocab_size", vocabulary());
        json.addProperty("hidden_size", integer("embedding_length"));
        json.addProperty("intermediate_size", integer("feed_forward_length"));
        json.addProperty("num_hidden_layers", integer("block_count"));
        json.addProperty("num_attention_heads", heads());
        json.addProperty("num_key_value_heads", kvHeads());
        json.addProperty("head_dim", headWidth());
        json.addProperty("max_position_embeddings", integer("context_length"));
        json.addProperty(isGemma() ? "hidden_activation" : "hidden_act", isGemma() ? "gelu_pytorch_tanh" : "silu");
        json.addProperty("rms_norm_eps", needed("attention.layer_norm_rms_epsilon"));
        json.addProperty("rope_theta", number("rope.freq_base", 10000));
        json.addProperty("tie_word_embeddings", !ownHead);
        json.addProperty("torch_dtype", "float32");
        refuseUnless(
                number("attention.value_length", headWidth()) == headWidth()
                        && number("rope.dimension_count", headWidth()) == headWidth(),
                "attention.value_length or rope.dimension_count",
                "expected the head width " + headWidth());
        rope(json, ropeFactors);
        window(json);
        marks(json);
        return json;
    }

    private void rope(JsonObject json, float[] factors) {
        String kind = String.valueOf(values.getOrDefault(architecture + ".rope.scaling.type", "none"));
        JsonObject scaling = new JsonObject();
        if (kind.equals("linear")) {
            scaling.addProperty("rope_type", "linear");
            scaling.addProperty("factor", needed("rope.scaling.factor"));
        } else {
            refuseUnless(kind.equals("none"), "rope.scaling.type", "known are none and linear");
        }
        if (factors.length > 0) {
            refuseUnless(
                    kind.equals("none") && !isGemma3(),
                    "rope.scaling.type",
                    "beside rope_freqs.weight only none is read, and that tensor not for gemma3");
            scaling = llama3(factors);
        }
        if (!scaling.isEmpty()) {
            json.add("rope_scaling", scaling);
        }
    }

    // Files of Llama 3.1 and 3.2 store the factors that their rope_scaling gives, not the scaling itself.
    private JsonObject llama3(float[] factors) {
        double base = number("rope.freq_base", 10000);
        for (double factor : new double[] {8, 32}) {
            boolean same = factors.length == headWidth() / 2;
            for (int i = 0; same && i < factors.length; i++) {
                double frequency = Math.pow(base, -2.0 * i / headWidth());
                double turns = 8192 * frequency / (2 * Math.PI);
                double smooth = Math.min(1, Math.max(0, (turns - 1) / 3));
                double wanted = 1 / ((1 - smooth) / factor + smooth);
                same = Math.abs(factors[i] - wanted) < 2e-3 * wanted;
            }
            if (same) {
                JsonObject scaling = new JsonObject();
                scaling.addProperty("rope_type", "llama3");
                scaling.addProperty("factor", factor);
                scaling.addProperty("low_freq_factor", 1.0);
                scaling.addProperty("high_freq_factor", 4.0);
                scaling.addProperty("original_max_position_embeddings", 8192);
                return scaling;
            }
        }
        throw new CheckpointException(
                "File " + path + " has " + GgufNames.ROPE_FACTORS
                        + ", and its factors are not those of Llama 3.1 (8) or 3.2 (32): other scalings are not read from GGUF.");
    }

    private void window(JsonObject json) {
        double window = number("attention.sliding_window", 0);
        for (String name : List.of("attention.sliding_window_pattern", "rope.freq_base_swa")) {
            refuseUnless(isGemma3() || number(name, 0) == 0, name, "it is read for gemma3 only");
        }
        if (isGemma()) {
            json.addProperty("sliding_window", (int) needed("attention.sliding_window"));
            // 27B alone scales by width / heads; the file does not say so, its size does.
            boolean largest = integer("block_count") == (isGemma3() ? 62 : 46);
            json.addProperty("query_pre_attn_scalar", largest ? integer("embedding_length") / heads() : headWidth());
        }
        if (isGemma3()) {
            json.addProperty("rope_local_base_freq", number("rope.freq_base_swa", 10000));
            json.addProperty("sliding_window_pattern", (int) number("attention.sliding_window_pattern", 6));
            double cap = number("final_logit_softcapping", 0);
            refuseUnless(
                    cap == 0 && number("attn_logit_softcapping", 0) == 0,
                    cap == 0 ? "attn_logit_softcapping" : "final_logit_softcapping",
                    "gemma3 caps nothing");
        } else if (isGemma()) {
            json.addProperty("attn_logit_softcapping", number("attn_logit_softcapping", 50));
            json.addProperty("final_logit_softcapping", number("final_logit_softcapping", 30));
        } else if (window > 0) {
            refuseUnless(
                    !isSmolLm3() && !normsOutputs(),
                    "attention.sliding_window",
                    "SmolLM3 and OLMo 2 have none there, and OLMo 3 is not read");
            json.addProperty("model_type", isLlama() ? "mistral" : architecture);
            json.addProperty("sliding_window", (int) window);
            json.addProperty("use_sliding_window", true);
        }
    }

    private void marks(JsonObject json) {
        for (String mark : List.of("bos", "eos")) {
            Object id = values.get("tokenizer.ggml." + mark + "_token_id");
            if (id instanceof Long n && n >= 0 && n < vocabulary()) {
                json.addProperty(mark + "_token_id", n);
            }
        }
    }

    private int vocabulary() {
        if (values.get("tokenizer.ggml.tokens") instanceof List<?> tokens && !tokens.isEmpty()) {
            return tokens.size();
        }
        return integer("vocab_size");
    }

    private void refuseUnless(boolean right, String name, String why) {
        if (!right) {
            throw new CheckpointException(
                    "File " + path + " has " + name + " = " + values.get(architecture + "." + name) + ": " + why + ".");
        }
    }

    private int integer(String name) {
        double value = needed(name);
        refuseUnless(
                value >= 1 && value == Math.rint(value) && value <= 1 << 28, name, "expected a whole number from 1");
        return (int) value;
    }

    private double needed(String name) {
        double value = number(name, Double.NaN);
        if (Double.isNaN(value)) {
            throw new CheckpointException(
                    "File " + path + " has no " + architecture + "." + name + ", which is needed.");
        }
        return value;
    }

    private double number(String name, double otherwise) {
        Object value = values.get(architecture + "." + name);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof List<?> list
                && !list.isEmpty()
                && list.stream().distinct().count() == 1) {
            value = list.get(0); // one number a layer, all alike
        }
        Object one = value;
        refuseUnless(one instanceof Number, name, "expected a number, the same for all layers");
        return ((Number) one).doubleValue();
    }
}
