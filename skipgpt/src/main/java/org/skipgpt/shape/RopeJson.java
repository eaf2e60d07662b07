package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * Rotary fields of a config.json: {@code rope_theta} and {@code rope_scaling} as transformers 4 writes them,
 * {@code rope_parameters} as transformers 5 does; where both are there they must agree.
 */
final class RopeJson {
    static final double DEFAULT_BASE = 10000;
    private static final Set<String> KINDS = Set.of("default", "linear", "llama3");
    private static final Set<String> LAYER_KINDS = Set.of("full_attention", "sliding_attention");

    private RopeJson() {}

    /** The one rotation of all layers; its base is another where no field says it. */
    static Rotation read(JsonFields json, double otherwise, int maxPositions) {
        Optional<Double> base = base(json);
        double implied = base.orElse(otherwise);
        List<Rotation> found = new ArrayList<>();
        for (String name : List.of("rope_parameters", "rope_scaling")) {
            json.objectIfThere(name).ifPresent(fields -> found.addAll(read(json, fields, base, implied, maxPositions)));
        }
        if (found.isEmpty()) {
            return Rotation.of(implied);
        }
        if (!found.stream().allMatch(found.get(0)::equals)) {
            throw json.fault(
                    json.has("rope_parameters") ? "rope_parameters" : "rope_scaling",
                    "the same rotation for every layer, and in rope_scaling too where that is there");
        }
        return found.get(0);
    }

    /** Rotations of layers that see all, and of those with a window. */
    record Kinds(Rotation full, Rotation sliding) {}

    /**
     * The rotation of each kind of layer.
     *
     * @param full base of layers that see all, where no field says it; fields outside {@code rope_parameters} are theirs
     * @param sliding base of layers with a window, likewise
     */
    static Kinds ofKinds(JsonFields json, double full, double sliding, int maxPositions) {
        Optional<Double> outer = base(json);
        double implied = outer.orElse(full);
        List<Rotation> seeingAll = new ArrayList<>();
        List<Rotation> windowed = new ArrayList<>();
        json.objectIfThere("rope_parameters").ifPresent(fields -> {
            fields.objectIfThere(FamilyFields.FULL)
                    .ifPresent(kind -> seeingAll.add(one(json, kind, outer, implied, maxPositions)));
            fields.objectIfThere(FamilyFields.SLIDING)
                    .ifPresent(kind -> windowed.add(one(json, kind, Optional.empty(), sliding, maxPositions)));
            fields.refuseOthers();
        });
        json.objectIfThere("rope_scaling")
                .ifPresent(fields -> seeingAll.add(one(json, fields, outer, implied, maxPositions)));
        if (seeingAll.stream().distinct().count() > 1) {
            throw json.fault("rope_scaling", "absent, or as rope_parameters says of " + FamilyFields.FULL);
        }
        return new Kinds(
                seeingAll.isEmpty() ? Rotation.of(implied) : seeingAll.get(0),
                windowed.isEmpty() ? Rotation.of(sliding) : windowed.get(0));
    }

    private static Optional<Double> base(JsonFields json) {
        return json.has("rope_theta")
                ? Optional.of(json.number("rope_theta", Numbers.between(1, 1e12)))
                : Optional.empty();
    }

    // Gemma 3 and others give an object for each kind of layer.
    private static List<Rotation> read(
            JsonFields json, JsonFields fields, Optional<Double> outer, double implied, int maxPositions) {
        if (fields.names().stream().anyMatch(LAYER_KINDS::contains)) {
            List<Rotation> all = new ArrayList<>();
            for (String kind : LAYER_KINDS) {
                fields.objectIfThere(kind).ifPresent(one -> all.addAll(read(json, one, outer, implied, maxPositions)));
            }
            fields.refuseOthers();
            return all;
        }
        return List.of(one(json, fields, outer, implied, maxPositions));
    }

    private static Rotation one(
            JsonFields json, JsonFields fields, Optional<Double> outer, double implied, int maxPositions) {
        Optional<Double> inner = base(fields);
        if (inner.isPresent() && outer.isPresent() && !inner.equals(outer)) {
            throw json.fault("rope_theta", "the base that rope_parameters has, " + inner.get());
        }
        double base = inner.orElse(implied);
        RopeScaling scaling = scaling(fields, maxPositions);
        if (fields.number("partial_rotary_factor", 1, Numbers.any()) != 1) {
            throw fields.fault("partial_rotary_factor", "absent or 1");
        }
        fields.refuseOthers();
        return new Rotation(base, scaling);
    }

    private static RopeScaling scaling(JsonFields fields, int maxPositions) {
        String older = fields.choice("type", "default", KINDS);
        String kind = fields.choice("rope_type", older, KINDS);
        if (fields.has("type") && !Objects.equals(kind, older)) {
            throw fields.fault("type", "absent or \"" + kind + "\" as rope_type says");
        }
        return switch (kind) {
            case "linear" -> new RopeScaling(RopeScaling.Kind.LINEAR, factor(fields), 1, 1, 0);
            case "llama3" -> llama3(fields, maxPositions);
            default -> RopeScaling.NONE;
        };
    }

    private static RopeScaling llama3(JsonFields fields, int maxPositions) {
        double low = fields.number("low_freq_factor", Numbers.above(0));
        double high = fields.number("high_freq_factor", Numbers.above(low));
        int original = fields.integer("original_max_position_embeddings", maxPositions, 1, Integer.MAX_VALUE);
        return new RopeScaling(RopeScaling.Kind.LLAMA3, factor(fields), low, high, original);
    }

    private static double factor(JsonFields fields) {
        return fields.number("factor", Numbers.between(1, 1e6));
    }

    /** Writes a rotation as transformers 4 does, which transformers 5 reads too. */
    static void write(JsonObject json, Rotation rotation) {
        json.addProperty("rope_theta", rotation.base());
        RopeScaling scaling = rotation.scaling();
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
}
