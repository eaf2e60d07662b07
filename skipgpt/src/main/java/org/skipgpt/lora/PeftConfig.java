package org.skipgpt.lora;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.shape.Projection;

/**
 * An {@code adapter_config.json} of PEFT: which matrices of which layers are corrected, with which rank and scale.
 *
 * <p>Names and patterns are matched as peft's {@code check_target_module_exists} and {@code get_pattern_key} do. What
 * makes the result another function of the stored base than W + s BA (DoRA aside) is refused by name.
 */
final class PeftConfig {
    private static final int MOST_RANK = 1 << 16;
    private static final int MOST_LAYERS = 10_000;
    private static final String SAVED = "base_model.model.";
    // draws of A alone, or of factors whose product starts at zero: the base stays as it is stored
    private static final Set<String> KEEPS_BASE = Set.of("gaussian", "eva", "orthogonal");
    private static final List<String> WITHOUT_EFFECT = List.of(
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "inference_mode",
            "peft_version",
            "eva_config",
            "qalora_group_size",
            "megatron_core",
            "runtime_config",
            "ensure_weight_tying");
    private static final List<String> OTHER_FUNCTIONS = List.of(
            "alora_invocation_tokens",
            "arrow_config",
            "corda_config",
            "layer_replication",
            "loftq_config",
            "megatron_config",
            "target_parameters",
            "trainable_token_indices");
    private static final List<String> OTHER_SWITCHES = List.of("fan_in_fan_out", "lora_bias", "use_qalora");

    private final JsonFields json;
    private final int rank;
    private final double alpha;
    private final double dropout;
    private final boolean rootRank;
    private final boolean magnitudes;
    private final List<String> saved;
    private final Predicate<String> target;
    private final Map<Pattern, Double> ranks;
    private final Map<Pattern, Double> alphas;

    private PeftConfig(JsonFields json) {
        this.json = json;
        json.choice("peft_type", Set.of("LORA"));
        json.choice("task_type", "CAUSAL_LM", Set.of("CAUSAL_LM"));
        WITHOUT_EFFECT.forEach(json::has);
        refuseOthers();
        rank = json.integer("r", 1, MOST_RANK);
        alpha = json.number("lora_alpha", Numbers.above(0));
        dropout = json.number("lora_dropout", 0, Numbers.below(0, 1));
        rootRank = json.flag("use_rslora", false);
        magnitudes = json.flag("use_dora", false);
        saved = json.texts("modules_to_save");
        ranks = patterns("rank_pattern");
        alphas = patterns("alpha_pattern");
        ranks.values().forEach(one -> {
            if (one != Math.rint(one) || one > MOST_RANK) {
                throw json.fault("rank_pattern", "whole numbers 1.." + MOST_RANK);
            }
        });
        target = targets();
        json.refuseOthers();
    }

    static PeftConfig read(Path file) {
        return new PeftConfig(JsonFields.of(file));
    }

    private void refuseOthers() {
        json.choice("bias", "none", Set.of("none"));
        for (String name : OTHER_SWITCHES) {
            if (json.flag(name, false)) {
                throw json.fault(name, "absent or false");
            }
        }
        for (String name : OTHER_FUNCTIONS) {
            Optional<JsonElement> value = json.json(name);
            boolean isEmpty = value.map(
                            v -> (v.isJsonArray() && v.getAsJsonArray().isEmpty())
                                    || (v.isJsonObject() && v.getAsJsonObject().isEmpty()))
                    .orElse(true);
            if (!isEmpty) {
                throw json.fault(name, "absent or empty, as it makes another function of the base");
            }
        }
        JsonElement start = json.json("init_lora_weights").orElse(new JsonPrimitive(true));
        boolean keeps = start instanceof JsonPrimitive p
                && (p.isBoolean() || (p.isString() && KEEPS_BASE.contains(p.getAsString())));
        if (!keeps) {
            throw json.fault(
                    "init_lora_weights",
                    "true, false or one of " + KEEPS_BASE + ": others change the base too, so convert the adapter with"
                            + " peft (path_initial_model_for_weight_conversion)");
        }
    }

    private Map<Pattern, Double> patterns(String name) {
        Map<Pattern, Double> all = new LinkedHashMap<>();
        json.numbersByName(name, Numbers.above(0))
                .forEach((key, value) -> all.put(pattern(name, "(.*\\.)?(" + key + ")"), value));
        return all;
    }

    private Pattern pattern(String field, String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw json.fault(field, "patterns that are regular expressions, and not: " + e.getDescription());
        }
    }

    private Predicate<String> targets() {
        Predicate<String> named = names("target_modules", true);
        Predicate<String> excluded = names("exclude_modules", false);
        Set<Integer> layers = Set.copyOf(json.oneOrMore("layers_to_transform", 0, MOST_LAYERS));
        boolean inList = json.json("target_modules").orElseThrow().isJsonArray();
        // The pattern says what a list of layers is called; here it has one name.
        boolean ofLayers = oneOrMoreTexts("layers_pattern").stream().allMatch("layers"::equals);
        if (!ofLayers) {
            throw json.fault("layers_pattern", "absent or \"layers\"");
        }
        boolean byLayer = inList && !layers.isEmpty();
        return key -> named.test(key)
                && !excluded.test(key)
                && (!byLayer || layers.contains(Integer.parseInt(key.split("\\.")[2])));
    }

    private List<String> oneOrMoreTexts(String name) {
        return json.json(name).filter(JsonElement::isJsonArray).isPresent()
                ? json.texts(name)
                : json.textIfThere(name).map(List::of).orElse(List.of());
    }

    // A text is a pattern for the whole key; a list holds ends of keys.
    private Predicate<String> names(String field, boolean needed) {
        if (needed && !json.has(field)) {
            json.text(field);
        }
        if (json.json(field).filter(JsonElement::isJsonArray).isEmpty()) {
            Optional<String> text = json.textIfThere(field);
            if (text.isPresent() && text.get().equalsIgnoreCase("all-linear")) {
                return key -> !key.contains("embed_tokens") && !key.contains("lm_head");
            }
            return text.map(regex -> pattern(field, regex).asMatchPredicate()).orElse(key -> false);
        }
        List<String> ends = json.texts(field);
        return key -> ends.stream().anyMatch(end -> key.equals(end) || key.endsWith("." + end));
    }

    /** The key of a matrix, as peft matches it. */
    static String key(int layer, Projection projection) {
        return "model.layers." + layer + "." + projection.key();
    }

    /** Refuses targets that are no matrix of a layer, and names that no matrix of a model has. */
    void check(int layers) {
        for (String outside : List.of("lm_head", "model.embed_tokens")) {
            if (target.test(outside)) {
                throw json.fault("target_modules", "matrices of layers; it names " + outside);
            }
        }
        if (targets(layers).isEmpty()) {
            throw json.fault("target_modules", "names of this model's matrices: " + targetNames());
        }
        if (json.json("target_modules").orElseThrow().isJsonArray()) {
            for (String name : json.texts("target_modules")) {
                boolean known = Arrays.stream(Projection.values())
                        .anyMatch(p -> anyLayer(layers, layer -> endsWith(key(layer, p), name)));
                if (!known) {
                    throw json.fault("target_modules", "some of " + targetNames() + "; it has \"" + name + "\"");
                }
            }
        }
    }

    private static List<String> targetNames() {
        return Arrays.stream(Projection.values()).map(Projection::target).toList();
    }

    private static boolean endsWith(String key, String end) {
        return key.equals(end) || key.endsWith("." + end);
    }

    private static boolean anyLayer(int layers, IntPredicate test) {
        return IntStream.range(0, layers).anyMatch(test);
    }

    /** The projections that are corrected in some layer. */
    Set<Projection> targets(int layers) {
        Set<Projection> all = EnumSet.noneOf(Projection.class);
        for (Projection p : Projection.values()) {
            if (anyLayer(layers, layer -> isTarget(layer, p))) {
                all.add(p);
            }
        }
        return all;
    }

    boolean isTarget(int layer, Projection projection) {
        return target.test(key(layer, projection));
    }

    int rank(int layer, Projection projection) {
        return (int) first(ranks, key(layer, projection)).orElse(rank);
    }

    /** The factor on BA: alpha / r, or alpha / sqrt(r) (Kalajdzievski, rsLoRA, 2023). */
    double scale(int layer, Projection projection) {
        int r = rank(layer, projection);
        return first(alphas, key(layer, projection)).orElse(alpha) / (rootRank ? Math.sqrt(r) : r);
    }

    private static OptionalDouble first(Map<Pattern, Double> patterns, String key) {
        return patterns.entrySet().stream()
                .filter(entry -> entry.getKey().matcher(key).matches())
                .mapToDouble(Map.Entry::getValue)
                .findFirst();
    }

    /** Whether columns of W + BA are rescaled to learned lengths (Liu and others, DoRA, 2024). */
    boolean hasMagnitudes() {
        return magnitudes;
    }

    /** The fields that ask for more than factors beside the stored matrices. */
    List<String> beyondFactors() {
        return Stream.concat(
                        magnitudes ? Stream.of("use_dora") : Stream.of(),
                        saved.isEmpty() ? Stream.of() : Stream.of("modules_to_save"))
                .toList();
    }

    /** Modules that are stored whole. */
    List<String> saved() {
        return saved;
    }

    /** The name of a matrix that is stored whole, with what stands before it. */
    static String savedName(String module) {
        return SAVED + module + ".weight";
    }

    /** The adapter's shape where every matrix has the same; alpha is what gives the scale at this rank. */
    LoraConfig shape(int layers) {
        double scale = rootRank ? alpha / Math.sqrt(rank) : alpha / rank;
        return new LoraConfig(rank, scale * rank, dropout, targets(layers));
    }

    RuntimeException fault(String field, String allowed) {
        return json.fault(field, allowed);
    }
}
