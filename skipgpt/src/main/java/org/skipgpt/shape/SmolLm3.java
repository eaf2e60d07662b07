package org.skipgpt.shape;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.stream.IntStream;
import org.skipgpt.io.JsonFields;

/**
 * SmolLM3: LLaMA, of whose layers every fourth knows no positions; those may have a window (SmolLM3: smol, multilingual,
 * long-context reasoner, 2025).
 */
final class SmolLm3 implements Family {
    private static final double BASE = 2e6;

    @Override
    public String name() {
        return "smollm3";
    }

    @Override
    public String architecture() {
        return "SmolLM3ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
                 "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 32768,
                 "tie_word_embeddings": true}""";
    }

    // The published files keep this of their trainer, and the class does not look at it.
    @Override
    public JsonObject text(JsonObject config) {
        JsonObject text = config.deepCopy();
        text.remove("pretraining_tp");
        return text;
    }

    @Override
    public List<Rotation> rotations(JsonFields json, int layers, int positions) {
        Rotation turning = RopeJson.read(json, BASE, positions);
        return turns(json, layers).stream()
                .map(turns -> turns ? turning : Rotation.NONE)
                .toList();
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        int size = FamilyFields.window(json);
        boolean wanted = json.flag("use_sliding_window", false);
        List<Boolean> turns = turns(json, layers);
        return FamilyFields.windows(json, layers, wanted ? size : 0, layer -> !turns.get(layer));
    }

    /** Whether each layer rotates queries and keys: a field that its class calls by what it is not. */
    private static List<Boolean> turns(JsonFields json, int layers) {
        int interval = json.integer("no_rope_layer_interval", 4, 1, Integer.MAX_VALUE);
        if (!json.has("no_rope_layers")) {
            return IntStream.range(0, layers)
                    .mapToObj(layer -> (layer + 1) % interval != 0)
                    .toList();
        }
        List<Integer> each = json.integers("no_rope_layers", 0, 1);
        if (each.size() != layers) {
            throw json.fault("no_rope_layers", layers + " of 0 and 1, one a layer; 1 is a layer that knows positions");
        }
        return each.stream().map(one -> one == 1).toList();
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        json.addProperty("hidden_act", FamilyFields.activation(c));
        FamilyFields.writeNoPadding(json);
        RopeJson.write(
                json,
                c.rotations().stream()
                        .filter(rotation -> !rotation.equals(Rotation.NONE))
                        .findFirst()
                        .orElse(Rotation.of(BASE)));
        JsonArray turns = new JsonArray();
        c.rotations().forEach(rotation -> turns.add(rotation.equals(Rotation.NONE) ? 0 : 1));
        json.add("no_rope_layers", turns);
        FamilyFields.writeWindows(json, c);
        Qwen2.writeOptional(json, c);
    }
}
