package org.skipgpt.shape;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * Phi-3, 3.5 and 4: LLaMA with joined matrices, a window on every layer or none, and LongRoPE (Abdin and others, Phi-3 Technical
 * Report, 2024).
 *
 * <p>Where the context C is above that of pre-training, o, transformers makes cosines and sines larger by
 * {@code a = sqrt(1 + ln(C/o) / ln(o))}; here query-key products are larger by a squared, which is the same.
 *
 * <p>Deviation: the context of the model chooses between short and long factors, see {@link RopeScaling}; transformers equals it
 * on texts that are longer than o where C is, and on all texts where C is not.
 */
public final class Phi3 implements Family {
    private static final double BASE = 10000;
    private static final String ORIGINAL = "original_max_position_embeddings";
    private static final String OWN_FACTOR = "attention_factor";
    // the first is what transformers calls the others, which older files have
    private static final Set<String> LONGROPE = Set.of("longrope", "su", "yarn");
    // the class that transformers has is this code
    private static final Set<String> CODE = Set.of("configuration_phi3.Phi3Config", "modeling_phi3.Phi3ForCausalLM");

    @Override
    public String name() {
        return "phi3";
    }

    @Override
    public String architecture() {
        return "Phi3ForCausalLM";
    }

    @Override
    public String defaults() {
        return """
                {"max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
                 "num_key_value_heads": null, "rms_norm_eps": 1e-5}""";
    }

    @Override
    public JsonObject text(JsonObject config) {
        JsonFields json = JsonFields.of(config, "config.json");
        JsonObject text = config.deepCopy();
        if (json.has("auto_map")
                && CODE.containsAll(json.textsByName("auto_map").values())) {
            text.remove("auto_map");
        }
        return text;
    }

    @Override
    public Map<String, List<Projection>> joined() {
        return Map.of(
                "self_attn.qkv_proj", List.of(Projection.Q, Projection.K, Projection.V),
                "mlp.gate_up_proj", List.of(Projection.GATE, Projection.UP));
    }

    @Override
    public Arithmetic arithmetic(JsonFields json, int width, int headDim) {
        double context = json.integer("max_position_embeddings", 1, Integer.MAX_VALUE);
        Optional<LongRope> found = longRope(json);
        int factors =
                found.map(one -> one.rotation().scaling().longFactors().size()).orElse(headDim / 2);
        if (factors != headDim / 2) {
            throw json.fault(
                    json.has("rope_parameters") ? "rope_parameters" : "rope_scaling",
                    headDim / 2 + " short and as many long factors, half as many as a head has components");
        }
        double factor = found.map(one -> one.factor(context)).orElse(1.0);
        return Family.super.arithmetic(json, width, headDim).withAttentionScale(scale(factor, headDim));
    }

    private static double scale(double factor, int headDim) {
        return factor * factor / Math.sqrt(headDim);
    }

    @Override
    public List<Rotation> rotations(JsonFields json, int layers, int positions) {
        Rotation rotation =
                longRope(json).map(LongRope::rotation).orElseGet(() -> RopeJson.read(json, BASE, positions));
        if (rotation.scaling().kind() != RopeScaling.Kind.LONGROPE
                && !rotation.scaling().equals(RopeScaling.NONE)) {
            throw json.fault(json.has("rope_parameters") ? "rope_parameters" : "rope_scaling", "longrope or none");
        }
        return Collections.nCopies(layers, rotation);
    }

    /**
     * What a file says of LongRoPE.
     *
     * @param own factor of cosines and sines where it names one, else 0
     */
    private record LongRope(Rotation rotation, double own) {
        /** What cosines and sines are larger by in a context. */
        double factor(double context) {
            double original = rotation.scaling().originalContext();
            if (own > 0) {
                return own;
            }
            return context <= original ? 1 : Math.sqrt(1 + Math.log(context / original) / Math.log(original));
        }
    }

    private static Optional<LongRope> longRope(JsonFields json) {
        int original = json.integer(ORIGINAL, 2, Integer.MAX_VALUE);
        double outer = json.number("rope_theta", BASE, Numbers.between(1, 1e12));
        List<Optional<LongRope>> found = new ArrayList<>();
        for (String name : List.of("rope_parameters", "rope_scaling")) {
            json.objectIfThere(name).ifPresent(fields -> {
                boolean stretched = Stream.of("type", "rope_type")
                        .anyMatch(kind -> fields.textIfThere(kind)
                                .filter(LONGROPE::contains)
                                .isPresent());
                found.add(stretched ? Optional.of(longRope(json, fields, original, outer)) : Optional.empty());
            });
        }
        if (found.stream().distinct().count() > 1) {
            throw json.fault("rope_scaling", "absent, or as rope_parameters says");
        }
        return found.stream().findFirst().flatMap(one -> one);
    }

    private static LongRope longRope(JsonFields json, JsonFields fields, int original, double outer) {
        fields.choice("type", "longrope", LONGROPE);
        fields.choice("rope_type", "longrope", LONGROPE);
        double base = fields.number("rope_theta", outer, Numbers.between(1, 1e12));
        if (json.has("rope_theta") && base != outer) {
            throw json.fault("rope_theta", "the base that rope_parameters has, " + base);
        }
        if (fields.integer(ORIGINAL, original, 1, Integer.MAX_VALUE) != original) {
            throw fields.fault(ORIGINAL, original + ", as " + ORIGINAL + " beside it says");
        }
        if (fields.number("partial_rotary_factor", 1, Numbers.any()) != 1) {
            throw fields.fault("partial_rotary_factor", "absent or 1");
        }
        List<Double> near = factors(fields, "short_factor");
        List<Double> far = factors(fields, "long_factor");
        if (near.size() != far.size()) {
            throw fields.fault("long_factor", "as many numbers as short_factor has, " + near.size());
        }
        double own = fields.has(OWN_FACTOR) ? fields.number(OWN_FACTOR, Numbers.above(0)) : 0;
        fields.refuseOthers();
        return new LongRope(new Rotation(base, RopeScaling.longRope(original, near, far)), own);
    }

    private static List<Double> factors(JsonFields fields, String name) {
        List<Double> factors = fields.numbers(name, Numbers.between(1e-6, 1e6));
        if (factors.isEmpty()) {
            throw fields.fault(name, "a list of numbers, half as many as a head has components");
        }
        return factors;
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return Collections.nCopies(layers, FamilyFields.window(json));
    }

    @Override
    public void write(JsonObject json, DecoderConfig c) {
        Rotation rotation = c.rotations().get(0);
        json.addProperty("hidden_act", FamilyFields.activation(c));
        FamilyFields.writeNoPadding(json);
        json.add("sliding_window", JsonNull.INSTANCE);
        FamilyFields.widest(c).ifPresent(window -> json.addProperty("sliding_window", window));
        if (rotation.scaling().kind() != RopeScaling.Kind.LONGROPE) {
            RopeJson.write(json, rotation);
            return;
        }
        json.addProperty("rope_theta", rotation.base());
        json.addProperty(ORIGINAL, rotation.scaling().originalContext());
        JsonObject scaling = new JsonObject();
        scaling.addProperty("type", "longrope"); // transformers 4 wants this name and these three fields
        scaling.add("short_factor", array(rotation.scaling().shortFactors()));
        scaling.add("long_factor", array(rotation.scaling().longFactors()));
        if (c.attentionScale() != scale(new LongRope(rotation, 0).factor(c.maxPositions()), c.headDim())) {
            scaling.addProperty(OWN_FACTOR, Math.sqrt(c.attentionScale() * Math.sqrt(c.headDim())));
        }
        json.add("rope_scaling", scaling);
    }

    private static JsonArray array(List<Double> numbers) {
        JsonArray array = new JsonArray();
        numbers.forEach(array::add);
        return array;
    }
}
