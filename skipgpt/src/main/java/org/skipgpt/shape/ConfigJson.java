package org.skipgpt.shape;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * Reads and writes {@code config.json} as Hugging Face spells it.
 *
 * <p>An unknown family, or a field that would change the arithmetic and is not supported, is an error that names it.
 */
public final class ConfigJson {
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
        JsonObject text = Families.of(object).text(object);
        Family family = Families.of(text);
        JsonFields json = fields(text, family);
        ConfigNames.skip(json);
        int width = json.integer("hidden_size", 1, MOST_WIDTH);
        int heads = json.integer("num_attention_heads", 1, MOST_HEADS);
        int layers = json.integer("num_hidden_layers", 1, MOST_LAYERS);
        int headDim = headDim(json, width, heads);
        int positions = json.integer("max_position_embeddings", 1, Integer.MAX_VALUE);
        Arithmetic arithmetic = family.arithmetic(json, width, headDim);
        refuseOutputBias(json, arithmetic);
        dropped(json, layers);
        // tokenizers read these; an id that is none is told here. Some files write -1 for no padding.
        List.of("bos_token_id", "eos_token_id", "pad_token_id").forEach(name -> json.oneOrMore(name, -1, MOST_IDS));
        DecoderConfig config = new DecoderConfig(
                family.name(),
                json.integer("vocab_size", 1, MOST_IDS),
                width,
                json.integer("intermediate_size", 1, MOST_WIDTH),
                layers,
                heads,
                kvHeads(json, heads),
                headDim,
                json.number("rms_norm_eps", 1e-6, Numbers.between(0, 1)),
                json.flag("rope_interleaved", false),
                json.flag("tie_word_embeddings", false),
                arithmetic,
                family.rotations(json, layers, positions),
                family.windows(json, layers),
                positions,
                List.of());
        List<LayerShape> shapes = shapes(json, layers);
        json.has("max_window_layers"); // Qwen's, which others' files have without effect
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

    /** The families that are read, by their {@code model_type}. */
    public static List<String> families() {
        return Families.names();
    }

    // Fields that the file leaves out have the values of the family's class.
    private static JsonFields fields(JsonObject object, Family family) {
        JsonObject whole = JsonParser.parseString(family.defaults()).getAsJsonObject();
        object.entrySet().forEach(field -> whole.add(field.getKey(), field.getValue()));
        return JsonFields.of(whole, "config.json");
    }

    private static int headDim(JsonFields json, int width, int heads) {
        int headDim = json.integer("head_dim", width / heads, 2, MOST_WIDTH);
        if (!json.has("head_dim") && width % heads != 0) {
            throw json.fault("hidden_size", "a multiple of num_attention_heads " + heads + ", or a head_dim");
        }
        if (headDim % 2 != 0) {
            throw json.fault(
                    json.has("head_dim") ? "head_dim" : "hidden_size",
                    "heads of an even width, as rotary positions turn pairs; this is " + headDim);
        }
        return headDim;
    }

    // null is as many as there are query heads; some classes have null where the field is absent, others a number.
    private static int kvHeads(JsonFields json, int heads) {
        int kvHeads = FamilyFields.isNull(json, "num_key_value_heads")
                ? heads
                : json.integer("num_key_value_heads", 1, heads);
        if (heads % kvHeads != 0) {
            throw json.fault("num_key_value_heads", "a divisor of num_attention_heads " + heads);
        }
        return kvHeads;
    }

    private static void refuseOutputBias(JsonFields json, Arithmetic arithmetic) {
        if (json.flag("attention_bias", false) && !arithmetic.qkvBias()) {
            throw json.fault(
                    "attention_bias",
                    "absent or false, as true puts a bias on the output product too, which is not read");
        }
    }

    /**
     * The modules that a pruned folder's config.json names as dropped: {@code drop_attn_list} and {@code drop_mlp_list}
     * of LLM-Drop (He and others, What Matters in Transformers?, 2024), layers or one true or false a layer.
     *
     * @throws CheckpointException if a list names a layer that is not there
     */
    public static List<ModuleSite> dropped(JsonObject object) {
        JsonObject text = Families.of(object).text(object);
        JsonFields json = fields(text, Families.of(text));
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
        Family family = Families.named(c.family());
        JsonObject json = new JsonObject();
        JsonArray architectures = new JsonArray();
        architectures.add(family.architecture());
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
        json.addProperty("tie_word_embeddings", c.tiedHead());
        json.addProperty("max_position_embeddings", c.maxPositions());
        if (c.ropeInterleaved()) {
            json.addProperty("rope_interleaved", true);
        }
        family.write(json, c);
        writeShapes(json, c);
        json.addProperty("torch_dtype", "float32");
        return json;
    }
}
