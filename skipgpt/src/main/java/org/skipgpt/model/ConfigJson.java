package org.skipgpt.model;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.skipgpt.io.CheckpointException;

/**
 * Reads and writes {@code config.json} as Hugging Face spells it.
 *
 * <p>An unknown family, or a field that would change the arithmetic and is not supported, is an error that names it.
 */
public final class ConfigJson {
    private static final Map<String, String> ARCHITECTURES = Map.of(
            "llama", "LlamaForCausalLM",
            "mistral", "MistralForCausalLM",
            "qwen2", "Qwen2ForCausalLM",
            "qwen3", "Qwen3ForCausalLM",
            "gemma2", "Gemma2ForCausalLM");
    // Fields that change the arithmetic in a way this decoder does not have unless they hold this harmless value.
    private static final Map<String, Set<String>> HARMLESS = Map.of(
            "mlp_bias", Set.of("false"),
            "pretraining_tp", Set.of("1"),
            "num_local_experts", Set.of("0", "1"),
            "partial_rotary_factor", Set.of("1", "1.0"),
            "quantization_config", Set.of(),
            "residual_multiplier", Set.of("1", "1.0"),
            "logits_scaling", Set.of("1", "1.0"));

    private ConfigJson() {}

    /**
     * The decoder a config.json describes.
     *
     * @throws CheckpointException naming the field that is missing, out of range or not supported
     */
    public static DecoderConfig read(JsonObject json) {
        String family = text(json, "model_type", "");
        if (!ARCHITECTURES.containsKey(family)) {
            throw new CheckpointException("model_type \"" + family + "\" in config.json is not supported: known are "
                    + ARCHITECTURES.keySet().stream().sorted().toList());
        }
        refuseUnknownArithmetic(json, family);
        boolean gemma = family.equals("gemma2");
        int width = integer(json, "hidden_size");
        int heads = integer(json, "num_attention_heads");
        int layers = integer(json, "num_hidden_layers");
        int headDim =
                (int) number(json, "head_dim", gemma ? 256 : family.equals("qwen3") ? 128 : (double) width / heads);
        double queryScalar = gemma ? number(json, "query_pre_attn_scalar", 256) : headDim;
        try {
            return new DecoderConfig(
                    family,
                    integer(json, "vocab_size"),
                    width,
                    integer(json, "intermediate_size"),
                    layers,
                    heads,
                    (int) number(json, "num_key_value_heads", heads),
                    headDim,
                    number(json, "rms_norm_eps", 1e-6),
                    number(json, "rope_theta", 10000),
                    ropeScaling(json),
                    flag(json, "rope_interleaved", false),
                    flag(json, "tie_word_embeddings", gemma),
                    family.equals("qwen2") || flag(json, "attention_bias", false),
                    family.equals("qwen3"),
                    gemma,
                    gemma,
                    gelu(json, gemma),
                    gemma ? Math.sqrt(width) : 1,
                    1 / Math.sqrt(queryScalar),
                    gemma ? number(json, "attn_logit_softcapping", 0) : 0,
                    gemma ? number(json, "final_logit_softcapping", 0) : 0,
                    windows(json, family, layers),
                    (int) number(json, "max_position_embeddings", 2048));
        } catch (IllegalArgumentException e) {
            throw new CheckpointException("config.json: " + e.getMessage(), e);
        }
    }

    private static void refuseUnknownArithmetic(JsonObject json, String family) {
        HARMLESS.forEach((field, values) -> {
            JsonElement value = json.get(field);
            if (value != null && !value.isJsonNull() && !values.contains(value.toString())) {
                throw new CheckpointException("config.json: " + field + " = " + value
                        + " changes the arithmetic and is not supported; allowed: absent"
                        + (values.isEmpty() ? "" : " or " + values));
            }
        });
        if (flag(json, "attention_bias", false) && !family.equals("qwen2")) {
            throw new CheckpointException("config.json: attention_bias = true for " + family
                    + " puts a bias on the output product too, which is not supported");
        }
    }

    private static boolean gelu(JsonObject json, boolean gemma) {
        String act = text(json, "hidden_activation", text(json, "hidden_act", gemma ? "gelu_pytorch_tanh" : "silu"));
        if (act.equals("silu") || act.equals("swish")) {
            return false;
        }
        if (act.equals("gelu_pytorch_tanh") || (gemma && act.equals("gelu"))) {
            return true;
        }
        throw new CheckpointException(
                "config.json: hidden_act \"" + act + "\" is not supported: use silu or gelu_pytorch_tanh");
    }

    private static List<Integer> windows(JsonObject json, String family, int layers) {
        int window = (int) number(json, "sliding_window", 0);
        boolean qwen = family.startsWith("qwen");
        boolean used = window > 0 && (!qwen || flag(json, "use_sliding_window", false)) && !family.equals("llama");
        JsonElement types = json.get("layer_types");
        int firstWindowed = qwen ? (int) number(json, "max_window_layers", layers) : 0;
        List<Integer> windows = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean sliding;
            if (types instanceof JsonArray array && array.size() == layers && !family.equals("mistral")) {
                sliding = array.get(layer).getAsString().equals("sliding_attention");
            } else {
                sliding = family.equals("gemma2") ? layer % 2 == 0 : layer >= firstWindowed;
            }
            windows.add(used && sliding ? window : 0);
        }
        return windows;
    }

    private static RopeScaling ropeScaling(JsonObject json) {
        JsonElement element = json.get("rope_scaling");
        if (element == null || element.isJsonNull()) {
            return RopeScaling.NONE;
        }
        JsonObject scaling = element.getAsJsonObject();
        String kind = text(scaling, "rope_type", text(scaling, "type", "default"));
        switch (kind) {
            case "default":
                return RopeScaling.NONE;
            case "linear":
                return new RopeScaling(RopeScaling.Kind.LINEAR, number(scaling, "factor", 1), 1, 1, 0);
            case "llama3":
                return new RopeScaling(
                        RopeScaling.Kind.LLAMA3,
                        number(scaling, "factor", 8),
                        number(scaling, "low_freq_factor", 1),
                        number(scaling, "high_freq_factor", 4),
                        integer(scaling, "original_max_position_embeddings"));
            default:
                throw new CheckpointException("config.json: rope_scaling type \"" + kind
                        + "\" is not supported: known are default, linear and llama3");
        }
    }

    /** The config.json of a decoder; stock Hugging Face classes load it, except for interleaved rotary pairs. */
    public static JsonObject write(DecoderConfig c) {
        JsonObject json = new JsonObject();
        JsonArray architectures = new JsonArray();
        architectures.add(ARCHITECTURES.get(c.family()));
        json.add("architectures", architectures);
        json.addProperty("model_type", c.family());
        json.addProperty("vocab_size", c.vocabulary());
        json.addProperty("hidden_size", c.width());
        json.addProperty("intermediate_size", c.hidden());
        json.addProperty("num_hidden_layers", c.layers());
        json.addProperty("num_attention_heads", c.heads());
        json.addProperty("num_key_value_heads", c.kvHeads());
        json.addProperty("head_dim", c.headDim());
        json.addProperty("rms_norm_eps", c.normEps());
        json.addProperty("rope_theta", c.ropeBase());
        json.addProperty("tie_word_embeddings", c.tiedHead());
        json.addProperty("max_position_embeddings", c.maxPositions());
        json.addProperty(c.postNorm() ? "hidden_activation" : "hidden_act", c.geluMlp() ? "gelu_pytorch_tanh" : "silu");
        if (c.ropeInterleaved()) {
            json.addProperty("rope_interleaved", true);
        }
        writeRopeScaling(json, c.ropeScaling());
        writeWindows(json, c);
        if (c.family().equals("gemma2")) {
            json.addProperty("query_pre_attn_scalar", Math.round(1 / (c.attentionScale() * c.attentionScale())));
            addCap(json, "attn_logit_softcapping", c.attentionSoftcap());
            addCap(json, "final_logit_softcapping", c.headSoftcap());
        }
        json.addProperty("torch_dtype", "float32");
        return json;
    }

    private static void addCap(JsonObject json, String name, double cap) {
        json.add(name, cap == 0 ? com.google.gson.JsonNull.INSTANCE : new com.google.gson.JsonPrimitive(cap));
    }

    private static void writeRopeScaling(JsonObject json, RopeScaling scaling) {
        if (scaling.kind() == RopeScaling.Kind.NONE) {
            return;
        }
        JsonObject out = new JsonObject();
        out.addProperty("rope_type", scaling.kind() == RopeScaling.Kind.LINEAR ? "linear" : "llama3");
        out.addProperty("factor", scaling.factor());
        if (scaling.kind() == RopeScaling.Kind.LLAMA3) {
            out.addProperty("low_freq_factor", scaling.lowFactor());
            out.addProperty("high_freq_factor", scaling.highFactor());
            out.addProperty("original_max_position_embeddings", scaling.originalContext());
        }
        json.add("rope_scaling", out);
    }

    private static void writeWindows(JsonObject json, DecoderConfig c) {
        int window = c.windows().stream().mapToInt(Integer::intValue).max().orElse(0);
        if (window == 0) {
            if (c.family().equals("mistral") || c.family().equals("gemma2")) {
                json.add("sliding_window", com.google.gson.JsonNull.INSTANCE);
            }
            return;
        }
        json.addProperty("sliding_window", window);
        if (c.family().startsWith("qwen")) {
            json.addProperty("use_sliding_window", true);
        }
        if (!c.family().equals("mistral")) {
            JsonArray types = new JsonArray();
            c.windows().forEach(w -> types.add(w > 0 ? "sliding_attention" : "full_attention"));
            json.add("layer_types", types);
        }
    }

    private static String text(JsonObject json, String name, String otherwise) {
        JsonElement value = json.get(name);
        return value == null || value.isJsonNull() ? otherwise : value.getAsString();
    }

    private static boolean flag(JsonObject json, String name, boolean otherwise) {
        JsonElement value = json.get(name);
        return (value == null || value.isJsonNull()) ? otherwise : value.getAsBoolean();
    }

    private static double number(JsonObject json, String name, double otherwise) {
        JsonElement value = json.get(name);
        if (value == null || value.isJsonNull()) {
            return otherwise;
        }
        if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isNumber()) {
            throw new CheckpointException("config.json: " + name + " = " + value + " is not a number");
        }
        return value.getAsDouble();
    }

    private static int integer(JsonObject json, String name) {
        if (!json.has(name)) {
            throw new CheckpointException("config.json has no " + name + ", which this family needs");
        }
        return (int) number(json, name, 0);
    }
}
