package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The fields of one JSON object, read with their types and ranges; every fault tells file, field, value and what is
 * allowed.
 *
 * <p>A field that is {@code null} counts as absent. Fields that were never asked for are found by {@link #refuseOthers}.
 *
 * <pre>{@code
 * JsonFields fields = JsonFields.of(Path.of("run.json"));
 * int layers = fields.integer("layers", 1, 1000);
 * double scale = fields.number("scale", 1, Numbers.above(0));
 * fields.refuseOthers();
 * }</pre>
 */
public final class JsonFields {
    private static final int SHOWN = 60;

    private final JsonObject object;
    private final String what;
    private final String place;
    private final Function<String, ? extends RuntimeException> fault;
    private final Set<String> asked = new TreeSet<>();

    private JsonFields(
            JsonObject object, String what, String place, Function<String, ? extends RuntimeException> fault) {
        this.object = object;
        this.what = what;
        this.place = place;
        this.fault = fault;
    }

    /**
     * The fields of a file that holds one JSON object.
     *
     * @throws CheckpointException if the file is missing or holds something else
     */
    public static JsonFields of(Path file) {
        return of(Json.object(file), "File " + file);
    }

    /** As {@link #of(Path)}, with another kind of exception for every fault. */
    public static JsonFields of(Path file, Function<String, ? extends RuntimeException> fault) {
        return of(Json.object(file, fault), "File " + file, fault);
    }

    /**
     * The fields of an object at hand.
     *
     * @param what names the object in messages, as the beginning of a sentence
     */
    public static JsonFields of(JsonObject object, String what) {
        return of(object, what, CheckpointException::new);
    }

    /** As {@link #of(JsonObject, String)}, with another kind of exception for every fault. */
    public static JsonFields of(JsonObject object, String what, Function<String, ? extends RuntimeException> fault) {
        return new JsonFields(object, what, "", fault);
    }

    /** The names of all fields that are not null, in the file's order. */
    public List<String> names() {
        return object.entrySet().stream()
                .filter(field -> !field.getValue().isJsonNull())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Whether a field is there and not null. */
    public boolean has(String name) {
        asked.add(name);
        JsonElement value = object.get(name);
        return value != null && !value.isJsonNull();
    }

    /** A text. */
    public String text(String name) {
        return text(name, needed(name));
    }

    /** A text, or another where the field is absent. */
    public String text(String name, String otherwise) {
        return has(name) ? text(name, object.get(name)) : otherwise;
    }

    /** A text where the field is there. */
    public Optional<String> textIfThere(String name) {
        return has(name) ? Optional.of(text(name, object.get(name))) : Optional.empty();
    }

    private String text(String name, JsonElement value) {
        if (value instanceof JsonPrimitive primitive && primitive.isString()) {
            return primitive.getAsString();
        }
        throw fault(name, value, "a text");
    }

    /** One of some texts. */
    public String choice(String name, Set<String> allowed) {
        return choice(name, needed(name), allowed);
    }

    /** One of some texts, or another where the field is absent. */
    public String choice(String name, String otherwise, Set<String> allowed) {
        return has(name) ? choice(name, object.get(name), allowed) : otherwise;
    }

    private String choice(String name, JsonElement value, Set<String> allowed) {
        String text = text(name, value);
        if (!allowed.contains(text)) {
            throw fault(name, value, "one of " + new TreeSet<>(allowed));
        }
        return text;
    }

    /** One of an enum's constants, spelled as they are. */
    public <E extends Enum<E>> E choice(String name, Class<E> type) {
        JsonElement value = needed(name);
        String text = text(name, value);
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equals(text)) {
                return constant;
            }
        }
        throw fault(name, value, "one of " + Arrays.toString(type.getEnumConstants()));
    }

    /** true or false. */
    public boolean flag(String name) {
        return flag(name, needed(name));
    }

    /** true or false, or a value where the field is absent. */
    public boolean flag(String name, boolean otherwise) {
        return has(name) ? flag(name, object.get(name)) : otherwise;
    }

    private boolean flag(String name, JsonElement value) {
        if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        throw fault(name, value, "true or false");
    }

    /** A whole number within bounds, both included. */
    public int integer(String name, int low, int high) {
        return (int) whole(name, needed(name), low, high);
    }

    /** A whole number within bounds, or another where the field is absent. */
    public int integer(String name, int otherwise, int low, int high) {
        return has(name) ? (int) whole(name, object.get(name), low, high) : otherwise;
    }

    /** A whole number of up to 64 bits within bounds, both included. */
    public long count(String name, long low, long high) {
        return whole(name, needed(name), low, high);
    }

    /** A list of whole numbers within bounds; empty where the field is absent. */
    public List<Integer> integers(String name, int low, int high) {
        return each(name, (at, value) -> (int) whole(at, value, low, high));
    }

    /** A whole number within bounds, or a list of them; empty where the field is absent. */
    public List<Integer> oneOrMore(String name, int low, int high) {
        return has(name) && object.get(name).isJsonArray()
                ? integers(name, low, high)
                : has(name) ? List.of(integer(name, low, high)) : List.of();
    }

    private long whole(String name, JsonElement value, long low, long high) {
        String allowed = "a whole number " + low + ".." + high;
        BigDecimal number = decimal(name, value, allowed);
        // A double of many digits would be spelled out; its size decides before that.
        boolean inside =
                number.compareTo(BigDecimal.valueOf(low)) >= 0 && number.compareTo(BigDecimal.valueOf(high)) <= 0;
        if (!inside || number.stripTrailingZeros().scale() > 0) {
            throw fault(name, value, allowed);
        }
        return number.longValueExact();
    }

    /** A number within bounds. */
    public double number(String name, Numbers allowed) {
        return number(name, needed(name), allowed);
    }

    /** A number within bounds, or another where the field is absent. */
    public double number(String name, double otherwise, Numbers allowed) {
        return has(name) ? number(name, object.get(name), allowed) : otherwise;
    }

    /** A list of numbers within bounds; empty where the field is absent. */
    public List<Double> numbers(String name, Numbers allowed) {
        return each(name, (at, value) -> number(at, value, allowed));
    }

    private double number(String name, JsonElement value, Numbers allowed) {
        double number = decimal(name, value, allowed.text()).doubleValue();
        if (!allowed.hold(number)) {
            throw fault(name, value, allowed.text());
        }
        return number;
    }

    private BigDecimal decimal(String name, JsonElement value, String allowed) {
        if (!(value instanceof JsonPrimitive primitive) || !primitive.isNumber()) {
            throw fault(name, value, allowed);
        }
        try {
            return primitive.getAsBigDecimal();
        } catch (NumberFormatException e) { // NaN and the infinities, which objects made in memory can hold
            throw fault(name, value, allowed);
        }
    }

    /** A list of texts; empty where the field is absent. */
    public List<String> texts(String name) {
        return each(name, this::text);
    }

    /** A list of objects; empty where the field is absent. */
    public List<JsonFields> objects(String name) {
        return each(name, this::object);
    }

    /** An object. */
    public JsonFields object(String name) {
        return object(name, needed(name));
    }

    /** An object where the field is there. */
    public Optional<JsonFields> objectIfThere(String name) {
        return has(name) ? Optional.of(object(name, object.get(name))) : Optional.empty();
    }

    private JsonFields object(String name, JsonElement value) {
        if (value instanceof JsonObject inner) {
            return new JsonFields(inner, what, place + name + ".", fault);
        }
        throw fault(name, value, "an object {...}");
    }

    /** An object whose fields are numbers within bounds, such as a pattern of ranks; empty where it is absent. */
    public Map<String, Double> numbersByName(String name, Numbers allowed) {
        Map<String, Double> all = new LinkedHashMap<>();
        objectIfThere(name).ifPresent(inner -> inner.names().forEach(key -> all.put(key, inner.number(key, allowed))));
        return all;
    }

    /** An object whose fields are texts, such as versions by name; empty where it is absent. */
    public Map<String, String> textsByName(String name) {
        Map<String, String> all = new LinkedHashMap<>();
        objectIfThere(name).ifPresent(inner -> inner.names().forEach(key -> all.put(key, inner.text(key))));
        return all;
    }

    /** The elements of a list whatever they are; empty where the field is absent. */
    public List<JsonElement> elements(String name) {
        return each(name, (at, value) -> value);
    }

    /**
     * The elements of a list whose kinds differ, each as the one field of fields of its own, which are named after its place;
     * empty where the list is absent.
     */
    public List<JsonFields> entries(String name) {
        return each(name, (at, value) -> {
            JsonObject one = new JsonObject();
            one.add(at, value);
            return new JsonFields(one, what, place, fault);
        });
    }

    /** The JSON behind a field, for values that may be of several kinds. */
    public Optional<JsonElement> json(String name) {
        return has(name) ? Optional.of(object.get(name)) : Optional.empty();
    }

    /** The JSON behind all fields. */
    public JsonObject json() {
        return object;
    }

    private interface Reading<T> {
        T of(String name, JsonElement value);
    }

    private <T> List<T> each(String name, Reading<T> reading) {
        if (!has(name)) {
            return List.of();
        }
        if (!(object.get(name) instanceof JsonArray array)) {
            throw fault(name, object.get(name), "a list [...]");
        }
        List<T> all = new ArrayList<>();
        for (JsonElement value : array) {
            all.add(reading.of(name + "[" + all.size() + "]", value));
        }
        return all;
    }

    private JsonElement needed(String name) {
        if (!has(name)) {
            throw fault.apply(what + " has no " + place + name + ", which is needed. Fetch or write it again.");
        }
        return object.get(name);
    }

    /** Refuses fields that nobody asked for. */
    public void refuseOthers() {
        List<String> others =
                names().stream().filter(name -> !asked.contains(name)).toList();
        if (!others.isEmpty()) {
            throw fault.apply(what + " has the field " + place + others.get(0)
                    + ", which is not known here; near names: "
                    + String.join(", ", NearNames.near(others.get(0), asked)) + ". Correct or remove it.");
        }
    }

    /** The exception for a field whose value is not allowed. */
    public RuntimeException fault(String name, String allowed) {
        return fault(name, object.get(name), allowed);
    }

    private RuntimeException fault(String name, JsonElement value, String allowed) {
        String shown = String.valueOf(value);
        return fault.apply(what + " has " + place + name + " = "
                + (shown.length() > SHOWN ? shown.substring(0, SHOWN) + "..." : shown) + "; allowed: " + allowed
                + ". Correct the field, or fetch or write the file again.");
    }
}
