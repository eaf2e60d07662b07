package org.skipgpt.model;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

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
    private static final Set<String> SILU = Set.of("silu", "swish");
    private static final Set<String> TANH_GELU = Set.of("gelu_pytorch_tanh", "gelu_new");
    private static final Set<String> LAYER_KINDS = Set.of("full_attention", "sliding_attention");
    /** Layers that structured pruning left in shapes of their own; stock classes know no such field. */
    private static final String SHAPES = "layer_shapes";
    // Above every public model; a number beyond is a damaged file, and would fill the memory before it is refused.
    private static final int MOST_LAYERS = 10_000;
    private static final int MOST_HEADS = 1 << 16;
    private static final int MOST_WIDTH = 1 << 22;
    private static final int MOST_IDS = 1 << 24;

    private ConfigJson() {}

    /**
     * The decoder a config.json describes.
     *
     * <p>Every field is read, or known to leave the forward pass as it is, or refused. An absent field has the value
     * that the family's class in transformers gives it. Dropped modules are read by {@link #dropped}.
     *
     * @throws CheckpointException naming the field that is missing, out of range or not supported
     */
    public static DecoderConfig read(JsonObject object) {
        JsonFields json = JsonFields.of(object, "config.json");
        String family = json.choice("model_type", ARCHITECTURES.keySet());
        ConfigNames.skip(json);
        boolean gemma = family.equals("gemma2");
        int width = json.integer("hidden_size", 1, MOST_WIDTH);
        int heads = json.integer("num_attention_heads", 1, MOST_HEADS);
        int layers = json.integer("num_hidden_layers", 1, MOST_LAYERS);
        int headDim = headDim(json, family, width, heads);
        double queryScalar = gemma ? json.number("query_pre_attn_scalar", 256, Numbers.above(0)) : headDim;
        int positions = json.integer("max_position_embeddings", positions(family), 1, Integer.MAX_VALUE);
        Rotation rotation = RopeJson.read(json, positions);
        refuseOutputBias(json, family);
        dropped(json, layers);
        // tokenizers read these; an id that is none is told here. Some files write -1 for no padding.
        List.of("bos_token_id", "eos_token_id", "pad_token_id").forEach(name -> json.oneOrMore(name, -1, MOST_IDS));
        DecoderConfig config = new DecoderConfig(
                family,
                json.integer("vocab_size", 1, MOST_IDS),
                width,
                json.integer("intermediate_size", 1, MOST_WIDTH),
                layers,
                heads,
                kvHeads(json, family, heads),
                headDim,
                json.number("rms_norm_eps", 1e-6, Numbers.between(0, 1)),
                json.flag("rope_interleaved", false),
                json.flag("tie_word_embeddings", gemma),
                family.equals("qwen2"),
                family.equals("qwen3"),
                gemma,
                gemma,
                gelu(json, gemma),
                gemma ? Math.sqrt(width) : 1,
                1 / Math.sqrt(queryScalar),
                gemma ? cap(json, "attn_logit_softcapping", 50) : 0,
                gemma ? cap(json, "final_logit_softcapping", 30) : 0,
                Collections.nCopies(layers, rotation),
                windows(json, family, layers),
                positions,
                List.of());
        List<LayerShape> shapes = shapes(json, layers);
        json.refuseOthers();
        if (shapes.isEmpty()) {
            return config;
        }
        try {
            return config.withShapes(shapes);
        } catch (IllegalArgumentException e) {
            throw json.fault(SHAPES, "shapes that fit together, but " + e.getMessage());
        }
    }

    private static List<LayerShape> shapes(JsonFields json, int layers) {
        List<JsonFields> each = json.has(SHAPES) ? json.objects(SHAPES) : List.of();
        if (!each.isEmpty() && each.size() != layers) {
            throw json.fault(SHAPES, layers + " objects, one a layer, or absent");
        }
        List<LayerShape> shapes = new ArrayList<>();
        for (JsonFields one : each) {
            shapes.add(new LayerShape(
                    one.integer("num_attention_heads", 1, MOST_HEADS),
                    one.integer("num_key_value_heads", 1, MOST_HEADS),
                    one.integer("intermediate_size", 1, MOST_WIDTH),
                    one.integer("hidden_size", 1, MOST_WIDTH),
                    one.flag("shortcut", false)));
            one.refuseOthers();
        }
        return shapes;
    }

    private static void writeShapes(JsonObject json, DecoderConfig c) {
        JsonArray shapes = new JsonArray();
        for (LayerShape shape : c.shapes()) {
            JsonObject one = new JsonObject();
            one.addProperty("num_attention_heads", shape.heads());
            one.addProperty("num_key_value_heads", shape.kvHeads());
            one.addProperty("intermediate_size", shape.hidden());
            one.addProperty("hidden_size", shape.width());
            one.addProperty("shortcut", shape.shortcut());
            shapes.add(one);
        }
        if (!shapes.isEmpty()) {
            json.add(SHAPES, shapes);
        }
    }

    private static int positions(String family) {
        return switch (family) {
            case "llama" -> 2048;
            case "mistral" -> 4096 * 32;
            case "gemma2" -> 8192;
            default -> 32768;
        };
    }

    private static int headDim(JsonFields json, String family, int width, int heads) {
        int fixed = family.equals("gemma2") ? 256 : family.equals("qwen3") ? 128 : 0;
        int headDim = json.integer("head_dim", fixed > 0 ? fixed : width / heads, 2, MOST_WIDTH);
        if (!json.has("head_dim") && fixed == 0 && width % heads != 0) {
            throw json.fault("hidden_size", "a multiple of num_attention_heads " + heads + ", or a head_dim");
        }
        if (headDim % 2 != 0) {
            throw json.fault(
                    json.has("head_dim") ? "head_dim" : "hidden_size",
                    "heads of an even width, as rotary positions turn pairs; this is " + headDim);
        }
        return headDim;
    }

    // Only LLaMA's class takes an absent field for as many as there are query heads; others have a number of their own.
    private static int kvHeads(JsonFields json, String family, int heads) {
        boolean written = json.json().has("num_key_value_heads");
        int kvHeads = family.equals("llama") || (written && !json.has("num_key_value_heads"))
                ? json.integer("num_key_value_heads", heads, 1, heads)
                : json.integer("num_key_value_heads", 1, heads);
        if (heads % kvHeads != 0) {
            throw json.fault("num_key_value_heads", "a divisor of num_attention_heads " + heads);
        }
        return kvHeads;
    }

    private static double cap(JsonFields json, String name, double otherwise) {
        // transformers tells an absent cap, which has its default, from null, which is none
        boolean none = json.json().has(name) && !json.has(name);
        return none ? 0 : json.number(name, otherwise, Numbers.above(0));
    }

    private static void refuseOutputBias(JsonFields json, String family) {
        if (json.flag("attention_bias", false) && !family.equals("qwen2")) {
            throw json.fault(
                    "attention_bias",
                    "absent or false, as true puts a bias on the output product too, which is not read");
        }
    }

    private static boolean gelu(JsonFields json, boolean gemma) {
        if (gemma) {
            json.has("hidden_act"); // older files carry it beside hidden_activation, and the class does not look at it
            return TANH_GELU.contains(json.choice("hidden_activation", "gelu_pytorch_tanh", TANH_GELU));
        }
        Set<String> allowed = Stream.concat(SILU.stream(), TANH_GELU.stream()).collect(Collectors.toSet());
        return TANH_GELU.contains(json.choice("hidden_act", "silu", allowed));
    }

    private static List<Integer> windows(JsonFields json, String family, int layers) {
        boolean qwen = family.startsWith("qwen");
        boolean isNull = json.json().has("sliding_window") && !json.has("sliding_window");
        int size = json.integer("sliding_window", isNull ? 0 : 4096, 1, Integer.MAX_VALUE);
        if (family.equals("llama")) {
            if (json.has("sliding_window")) {
                throw json.fault("sliding_window", "absent or null: LLaMA's class has no window");
            }
            size = 0;
        }
        if (qwen && !json.flag("use_sliding_window", false)) {
            size = 0;
        }
        int first = json.integer("max_window_layers", qwen ? 28 : 0, 0, Integer.MAX_VALUE);
        List<String> kinds = json.texts("layer_types");
        if (!kinds.isEmpty() && (kinds.size() != layers || !LAYER_KINDS.containsAll(kinds))) {
            throw json.fault("layer_types", layers + " of " + new TreeSet<>(LAYER_KINDS) + ", one a layer");
        }
        List<Integer> windows = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean usual = family.equals("gemma2") ? layer % 2 == 0 : !qwen || layer >= first;
            boolean sliding = kinds.isEmpty() ? usual : kinds.get(layer).equals("sliding_attention");
            windows.add(sliding ? size : 0);
        }
        if (family.equals("mistral") && windows.stream().distinct().count() > 1) {
            throw json.fault("layer_types", "absent, or the same kind for every layer of this family");
        }
        return windows;
    }

    /**
     * The modules that a pruned folder's config.json names as dropped: {@code drop_attn_list} and {@code drop_mlp_list}
     * of LLM-Drop (He and others, What Matters in Transformers?, 2024), layers or one true or false a layer.
     *
     * @throws CheckpointException if a list names a layer that is not there
     */
    public static List<ModuleSite> dropped(JsonObject object) {
        JsonFields json = JsonFields.of(object, "config.json");
        return dropped(json, json.integer("num_hidden_layers", 1, MOST_LAYERS));
    }

    private static List<ModuleSite> dropped(JsonFields json, int layers) {
        Set<Integer> attention = droppedLayers(json, "drop_attn_list", layers);
        Set<Integer> mlp = droppedLayers(json, "drop_mlp_list", layers);
        boolean lists = json.has("drop_attn_list") || json.has("drop_mlp_list");
        json.objectIfThere("auto_map")
                .ifPresent(map -> map.names().forEach(name -> {
                    // The classes of such folders are the family's own with these lists; any other code is unknown
                    // arithmetic.
                    if (!lists || !map.text(name).contains("_dropped_")) {
                        throw json.fault("auto_map", "absent, as the code it names is not run");
                    }
                }));
        List<ModuleSite> sites = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            if (attention.contains(layer)) {
                sites.add(new ModuleSite(layer, ModuleKind.ATTENTION));
            }
            if (mlp.contains(layer)) {
                sites.add(new ModuleSite(layer, ModuleKind.MLP));
            }
        }
        return sites;
    }

    private static Set<Integer> droppedLayers(JsonFields json, String name, int layers) {
        List<JsonElement> values = json.elements(name);
        boolean flags =
                values.size() == layers && values.stream().allMatch(v -> v instanceof JsonPrimitive p && p.isBoolean());
        return flags
                ? IntStream.range(0, layers)
                        .filter(i -> values.get(i).getAsBoolean())
                        .boxed()
                        .collect(Collectors.toSet())
                : new TreeSet<>(json.integers(name, 0, layers - 1));
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
        json.addProperty("rope_theta", c.rotations().get(0).base());
        json.addProperty("tie_word_embeddings", c.tiedHead());
        json.addProperty("max_position_embeddings", c.maxPositions());
        json.addProperty(c.postNorm() ? "hidden_activation" : "hidden_act", c.geluMlp() ? "gelu_pytorch_tanh" : "silu");
        if (c.ropeInterleaved()) {
            json.addProperty("rope_interleaved", true);
        }
        RopeJson.write(json, c.rotations().get(0).scaling());
        writeWindows(json, c);
        if (c.family().equals("gemma2")) {
            json.addProperty("query_pre_attn_scalar", Math.round(1 / (c.attentionScale() * c.attentionScale())));
            addCap(json, "attn_logit_softcapping", c.attentionSoftcap());
            addCap(json, "final_logit_softcapping", c.headSoftcap());
        }
        writeShapes(json, c);
        json.addProperty("torch_dtype", "float32");
        return json;
    }

    private static void addCap(JsonObject json, String name, double cap) {
        json.add(name, cap == 0 ? JsonNull.INSTANCE : new JsonPrimitive(cap));
    }

    private static void writeWindows(JsonObject json, DecoderConfig c) {
        int window = c.windows().stream().mapToInt(Integer::intValue).max().orElse(0);
        if (window == 0) {
            if (c.family().equals("mistral") || c.family().equals("gemma2")) {
                json.add("sliding_window", JsonNull.INSTANCE);
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
}
