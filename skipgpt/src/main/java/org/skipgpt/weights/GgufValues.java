package org.skipgpt.weights;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.RopeScaling;
import org.skipgpt.shape.Rotation;

/**
 * What a GGUF file says of a decoder's shape and arithmetic; what it cannot say is refused by name.
 *
 * <p>The law that is checked for each model: read again, the values give the same configuration.
 */
final class GgufValues {
    private static final Map<String, String> ARCHITECTURES =
            Map.of("llama", "llama", "mistral", "llama", "qwen2", "qwen2", "qwen3", "qwen3", "gemma2", "gemma2");

    private final DecoderConfig config;
    private final String architecture;

    GgufValues(DecoderConfig config) {
        this.config = config;
        String known = ARCHITECTURES.get(config.family());
        if (known == null) {
            throw cannot("the family " + config.family(), "known are " + new TreeMap<>(ARCHITECTURES).keySet());
        }
        architecture = known;
        if (!config.shapes().isEmpty()) {
            throw cannot(
                    "layers of their own shapes, which structured pruning left",
                    "its architectures have one shape for all layers; export(model, tokenizerFiles, folder) writes them");
        }
    }

    /** What rotary frequencies are divided by, (E/2), where the scaling is Llama 3's; else empty. */
    float[] ropeFactors() {
        if (rotation().scaling().kind() != RopeScaling.Kind.LLAMA3) {
            return new float[0];
        }
        float[] factors = new float[config.headDim() / 2];
        for (int i = 0; i < factors.length; i++) {
            double frequency = Math.pow(rotation().base(), -2.0 * i / config.headDim());
            factors[i] = (float) (frequency / rotation().scaling().scale(frequency));
        }
        return factors;
    }

    private Rotation rotation() {
        return config.rotations().get(0);
    }

    /** The values, beginning with general.architecture. */
    Map<String, Object> values(String name) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("general.architecture", architecture);
        values.put("general.type", "model");
        values.put("general.name", name);
        put(values, "block_count", config.layers());
        put(values, "context_length", config.maxPositions());
        put(values, "embedding_length", config.width());
        put(values, "feed_forward_length", config.hidden());
        put(values, "attention.head_count", config.heads());
        put(values, "attention.head_count_kv", config.kvHeads());
        put(values, "attention.key_length", config.headDim());
        put(values, "attention.value_length", config.headDim());
        put(values, "attention.layer_norm_rms_epsilon", config.normEps());
        put(values, "rope.dimension_count", config.headDim());
        put(values, "rope.freq_base", rotation().base());
        put(values, "vocab_size", config.vocabulary());
        if (rotation().scaling().kind() == RopeScaling.Kind.LINEAR) {
            values.put(architecture + ".rope.scaling.type", "linear");
            put(values, "rope.scaling.factor", rotation().scaling().factor());
        }
        List<Integer> windows = windows(values);
        if (config.postNorm()) {
            put(values, "attn_logit_softcapping", config.attentionSoftcap());
            put(values, "final_logit_softcapping", config.headSoftcap());
        }
        check(values, windows);
        return values;
    }

    // A window as wide as the context is none. Gemma 2's layers take turns, the first with a window; the others'
    // architectures have no windows in llama.cpp.
    private List<Integer> windows(Map<String, Object> values) {
        int context = config.maxPositions();
        boolean all = config.windows().stream().allMatch(window -> window == 0 || window >= context);
        if (!config.postNorm()) {
            if (!all) {
                throw cannot(
                        "sliding windows shorter than the context, " + config.windows(),
                        "llama.cpp's " + architecture + " reads all keys; export(model, tokenizerFiles, folder) writes"
                                + " them");
            }
            return IntStream.range(0, config.layers()).mapToObj(i -> 0).toList();
        }
        int widest = config.windows().stream().mapToInt(Integer::intValue).max().orElse(0);
        int window = widest == 0 ? context : widest;
        List<Integer> turns = IntStream.range(0, config.layers())
                .mapToObj(i -> i % 2 == 0 ? window : 0)
                .toList();
        if (!all && !turns.equals(config.windows())) {
            throw cannot(
                    "layers with and without a window that do not take turns, " + config.windows(),
                    "drop layers in pairs of neighbours, or write a folder with export(model, tokenizerFiles, folder)");
        }
        put(values, "attention.sliding_window", window);
        return turns;
    }

    private void check(Map<String, Object> values, List<Integer> windows) {
        JsonObject wanted = ConfigJson.write(config);
        JsonObject read;
        try {
            // in the float that the file holds, told by its shortest decimal as the reader tells it
            Map<String, Object> stored = new LinkedHashMap<>(values);
            stored.replaceAll((name, value) ->
                    value instanceof Double real ? Double.valueOf(Float.toString(real.floatValue())) : value);
            read = GgufFile.config(Path.of("model.gguf"), stored, !config.tiedHead(), ropeFactors());
        } catch (CheckpointException e) {
            throw new CheckpointException(
                    "This model has something that GGUF cannot say: " + e.getMessage() + " Write a folder with"
                            + " export(model, tokenizerFiles, folder).",
                    e);
        }
        DecoderConfig found = ConfigJson.read(read);
        JsonObject again = ConfigJson.write(found);
        for (String name :
                List.of("model_type", "architectures", "rope_interleaved", "sliding_window", "layer_types")) {
            wanted.remove(name);
            again.remove(name);
        }
        for (String name : wanted.keySet()) {
            if (!wanted.get(name).equals(again.get(name))) {
                throw cannot(
                        name + " " + wanted.get(name),
                        "it would be read as " + again.get(name) + "; write a folder with export(model,"
                                + " tokenizerFiles, folder)");
            }
        }
        boolean same = again.keySet().equals(wanted.keySet())
                && found.windows().equals(windows)
                && found.attentionScale() == config.attentionScale()
                && found.embedScale() == config.embedScale();
        if (!same) {
            throw cannot(
                    "an attention scale of " + config.attentionScale() + " or an embedding scale of "
                            + config.embedScale(),
                    "they would be read as " + found.attentionScale() + " and " + found.embedScale()
                            + "; write a folder with export(model, tokenizerFiles, folder)");
        }
    }

    private void put(Map<String, Object> values, String name, long value) {
        values.put(architecture + "." + name, value);
    }

    private void put(Map<String, Object> values, String name, double value) {
        values.put(architecture + "." + name, value);
    }

    private static CheckpointException cannot(String what, String instead) {
        return new CheckpointException("GGUF cannot say " + what + ": " + instead + ".");
    }
}
