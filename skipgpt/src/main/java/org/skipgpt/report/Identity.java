package org.skipgpt.report;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What decides a result, as structured data: results are stored under it and two of it can be compared by name.
 *
 * <p>Names are in alphabetical order, whatever the order they were given in, so that equal things have equal texts.
 *
 * <pre>{@code
 * Identity.of("random skip").with("share", 0.25).with("seed", 7).with("clusters", 1, 1);   // a knob that came later
 * }</pre>
 */
public final class Identity {
    private static final String KIND = "kind";
    private static final int LONGEST = 64; // a hash

    private final JsonObject fields;
    private final Optional<String> former;

    private Identity(JsonObject fields, Optional<String> former) {
        this.fields = fields;
        this.former = former;
    }

    /** An identity of some kind, e.g. {@code "routers"}; nothing else is known of it yet. */
    public static Identity of(String kind) {
        JsonObject fields = new JsonObject();
        fields.addProperty(KIND, kind);
        return new Identity(fields, Optional.empty());
    }

    /**
     * All components of a record by their names.
     *
     * @throws IllegalArgumentException if one is neither text, number, truth value, enum, list, map, record nor optional
     */
    public static Identity of(String kind, Record record) {
        Identity all = of(kind);
        for (RecordComponent component : record.getClass().getRecordComponents()) {
            all = all.with(component.getName(), value(component, record));
        }
        return all;
    }

    /**
     * One more fact.
     *
     * @param value text, number, truth value, enum, another identity, a record, an optional, or a list, map or array of such
     */
    public Identity with(String name, Object value) {
        if (name.equals(KIND)) {
            throw new IllegalArgumentException("\"kind\" is what an identity is of; give the fact another name");
        }
        JsonObject more = fields.deepCopy();
        more.add(name, json(name, value));
        return new Identity(more, former);
    }

    /**
     * A fact that is left out where it is as it was before anybody could change it: what was stored stays valid.
     *
     * @param usual what everything stored so far had
     */
    public Identity with(String name, Object value, Object usual) {
        return json(name, value).toString().equals(json(name, usual).toString()) ? this : with(name, value);
    }

    /** The text under which an earlier version stored the same; no part of the identity. */
    public Identity formerly(String text) {
        return new Identity(fields, Optional.of(text));
    }

    /** The text under which an earlier version stored the same, where it was one that named the same alone. */
    public Optional<String> former() {
        return former;
    }

    /** Its kind. */
    public String kind() {
        return fields.get(KIND).getAsString();
    }

    /** One line of JSON, names in alphabetical order. */
    public String json() {
        return ordered(fields).toString();
    }

    /**
     * Reads what {@link #json} wrote.
     *
     * @throws IllegalArgumentException if the text is no identity
     */
    public static Identity parse(String json) {
        try {
            JsonElement read = JsonParser.parseString(json);
            if (read.isJsonObject() && read.getAsJsonObject().has(KIND)) {
                return new Identity(read.getAsJsonObject(), Optional.empty());
            }
        } catch (JsonParseException e) {
            throw new IllegalArgumentException("no identity: " + e.getMessage(), e);
        }
        throw new IllegalArgumentException("no identity: expected a JSON object with a kind, not "
                + json.substring(0, Math.min(40, json.length())));
    }

    /**
     * What differs from another one, each by the path of its name: {@code "policy.seed: 7, now 8"}; empty where all is equal.
     *
     * <p>Of things of two kinds the kinds alone are told.
     */
    public List<String> differences(Identity now) {
        List<String> told = new ArrayList<>();
        compare("", fields, now.fields, told);
        return told;
    }

    private static void compare(String path, JsonElement was, JsonElement is, List<String> told) {
        // By their texts, as a whole identity is: as doubles, long numbers that differ would be equal.
        if (ordered(was).toString().equals(ordered(is).toString())) {
            return;
        }
        if (was.isJsonObject() && is.isJsonObject() && !isOfOneKind(was.getAsJsonObject(), is.getAsJsonObject())) {
            String name = path.isEmpty() ? KIND : path + "." + KIND;
            compare(name, was.getAsJsonObject().get(KIND), is.getAsJsonObject().get(KIND), told);
        } else if (was.isJsonObject() && is.isJsonObject()) {
            TreeSet<String> names = new TreeSet<>(was.getAsJsonObject().keySet());
            names.addAll(is.getAsJsonObject().keySet());
            for (String name : names) {
                compare(
                        path.isEmpty() ? name : path + "." + name,
                        was.getAsJsonObject().has(name)
                                ? was.getAsJsonObject().get(name)
                                : new JsonPrimitive("nothing"),
                        is.getAsJsonObject().has(name) ? is.getAsJsonObject().get(name) : new JsonPrimitive("nothing"),
                        told);
            }
        } else {
            String before = text(was);
            String after = text(is);
            boolean isTold = !cut(before).equals(cut(after));
            told.add(path + ": " + (isTold ? cut(before) : before) + ", now " + (isTold ? cut(after) : after));
        }
    }

    // What has no kind, as a map, is compared name by name.
    private static boolean isOfOneKind(JsonObject was, JsonObject is) {
        return !was.has(KIND) || !is.has(KIND) || was.get(KIND).equals(is.get(KIND));
    }

    private static String text(JsonElement value) {
        return value.isJsonPrimitive() ? value.getAsString() : ordered(value).toString();
    }

    private static String cut(String text) {
        return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    }

    private static Object value(RecordComponent component, Record record) {
        try {
            component.getAccessor().setAccessible(true);
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("cannot read " + component.getName() + " of " + record.getClass(), e);
        }
    }

    private static JsonElement json(String name, Object value) {
        if (value instanceof Identity identity) {
            return identity.fields;
        } else if (value instanceof String || value instanceof Character) {
            return new JsonPrimitive(value.toString());
        } else if (value instanceof Boolean truth) {
            return new JsonPrimitive(truth);
        } else if (value instanceof Number number) {
            return plain(number);
        } else if (value instanceof Enum<?> one) {
            return new JsonPrimitive(one.name());
        } else if (value instanceof Optional<?> maybe) {
            return maybe.<JsonElement>map(one -> json(name, one)).orElse(new JsonArray());
        } else if (value instanceof Record record) {
            return of(record.getClass().getSimpleName(), record).fields;
        } else if (value instanceof Iterable<?> list) {
            JsonArray array = new JsonArray();
            list.forEach(one -> array.add(json(name, one)));
            return array;
        } else if (value instanceof double[] numbers) {
            JsonArray array = new JsonArray();
            for (double number : numbers) {
                array.add(json(name, number));
            }
            return array;
        } else if (value instanceof Map<?, ?> map) {
            JsonObject object = new JsonObject();
            map.forEach((key, one) -> object.add(key.toString(), json(name, one)));
            return object;
        }
        throw new IllegalArgumentException("\"" + name + "\" of an identity is a "
                + value.getClass().getName()
                + ": expected text, a number, a truth value, an enum, an identity, a record, or a list or map of such");
    }

    // 1 and 1.0 are one number, and infinities have no place among JSON's.
    private static JsonPrimitive plain(Number number) {
        double value = number.doubleValue();
        if (!Double.isFinite(value)) {
            return new JsonPrimitive(number.toString());
        }
        boolean whole = number instanceof Long || (value == Math.rint(value) && Math.abs(value) < 1e15);
        return whole ? new JsonPrimitive(number.longValue()) : new JsonPrimitive(value);
    }

    private static JsonElement ordered(JsonElement value) {
        if (value.isJsonArray()) {
            JsonArray array = new JsonArray();
            value.getAsJsonArray().forEach(one -> array.add(ordered(one)));
            return array;
        }
        if (!value.isJsonObject()) {
            return value;
        }
        JsonObject object = new JsonObject();
        new TreeMap<>(value.getAsJsonObject().asMap()).forEach((name, one) -> object.add(name, ordered(one)));
        return object;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Identity identity && identity.json().equals(json());
    }

    @Override
    public int hashCode() {
        return json().hashCode();
    }

    @Override
    public String toString() {
        return json();
    }
}
