package org.skipgpt.shape;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/** Fields of a config.json that several families have, but not all. */
final class FamilyFields {
    static final String SLIDING = "sliding_attention";
    static final String FULL = "full_attention";
    private static final Set<String> LAYER_KINDS = Set.of(FULL, SLIDING);
    private static final Set<String> SILU = Set.of("silu", "swish");
    private static final Set<String> TANH_GELU = Set.of("gelu_pytorch_tanh", "gelu_new");

    private FamilyFields() {}

    /** Whether {@code hidden_act} is tanh-GELU and not SiLU. */
    static boolean gelu(JsonFields json) {
        Set<String> allowed = Stream.concat(SILU.stream(), TANH_GELU.stream()).collect(Collectors.toSet());
        return TANH_GELU.contains(json.choice("hidden_act", "silu", allowed));
    }

    /** Checks Gemma's {@code hidden_activation}. */
    static void checkGelu(JsonFields json) {
        json.has("hidden_act"); // older files carry it beside hidden_activation, and the class does not look at it
        json.choice("hidden_activation", "gelu_pytorch_tanh", TANH_GELU);
    }

    static String activation(DecoderConfig c) {
        return c.geluMlp() ? "gelu_pytorch_tanh" : "silu";
    }

    /** Whether a field is there and null. */
    static boolean isNull(JsonFields json, String name) {
        return json.json().has(name) && !json.has(name);
    }

    /** A cap of soft-capping; 0 where it is null or absent. */
    static double cap(JsonFields json, String name) {
        return json.has(name) ? json.number(name, Numbers.above(0)) : 0;
    }

    static void addCap(JsonObject json, String name, double cap) {
        json.add(name, cap == 0 ? JsonNull.INSTANCE : new JsonPrimitive(cap));
    }

    /** Width of {@code sliding_window}; 0 where it is null or absent. */
    static int window(JsonFields json) {
        return json.has("sliding_window") ? json.integer("sliding_window", 1, Integer.MAX_VALUE) : 0;
    }

    /** The kind of each layer as {@code layer_types} says; empty where it is absent. */
    static List<String> layerKinds(JsonFields json, int layers) {
        List<String> kinds = json.texts("layer_types");
        if (!kinds.isEmpty() && (kinds.size() != layers || !LAYER_KINDS.containsAll(kinds))) {
            throw json.fault("layer_types", layers + " of " + new TreeSet<>(LAYER_KINDS) + ", one a layer");
        }
        return kinds;
    }

    /**
     * Each layer's window.
     *
     * @param size width of a window; 0 where the file asks for none
     * @param usual which layers have one where {@code layer_types} does not say it
     */
    static List<Integer> windows(JsonFields json, int layers, int size, IntPredicate usual) {
        List<String> kinds = layerKinds(json, layers);
        if (size == 0 && kinds.contains(SLIDING)) {
            throw json.fault(
                    "layer_types",
                    "no " + SLIDING + " where no window is asked for: sliding_window says how wide one is, in families"
                            + " with use_sliding_window only where that is true");
        }
        return IntStream.range(0, layers)
                .mapToObj(layer ->
                        (kinds.isEmpty() ? usual.test(layer) : kinds.get(layer).equals(SLIDING)) ? size : 0)
                .toList();
    }

    /** The one width that windows have; empty where no layer has one. */
    static Optional<Integer> widest(DecoderConfig c) {
        return c.windows().stream().filter(window -> window > 0).max(Integer::compare);
    }

    /**
     * Writes that no token is for padding: where the field is absent the class takes one of the published model's vocabulary, and
     * a smaller one is then refused.
     */
    static void writeNoPadding(JsonObject json) {
        json.add("pad_token_id", JsonNull.INSTANCE);
    }

    /** Writes {@code sliding_window} and {@code layer_types} where some layer has a window. */
    static void writeWindows(JsonObject json, DecoderConfig c) {
        widest(c).ifPresent(window -> {
            json.addProperty("sliding_window", window);
            writeKinds(json, c);
        });
    }

    /** Writes {@code layer_types}. */
    static void writeKinds(JsonObject json, DecoderConfig c) {
        JsonArray kinds = new JsonArray();
        c.windows().forEach(window -> kinds.add(window > 0 ? SLIDING : FULL));
        json.add("layer_types", kinds);
    }
}
