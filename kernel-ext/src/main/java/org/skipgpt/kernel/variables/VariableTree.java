package org.skipgpt.kernel.variables;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.lang.ref.WeakReference;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.ConcurrentModificationException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SessionVariable;

/**
 * Variables in the form of the Debug Adapter Protocol: each with a line and a number by which its parts are asked for,
 * 0 where it has none. The parts are elements, entries or fields. What has parts comes with its type.
 *
 * <p>A number keeps nothing alive. Not for use by several threads at once.
 */
public final class VariableTree {
    private static final int MOST_PARTS = 500;
    private static final int MOST_NUMBERS = 20_000;

    /** JupyterLab shows the type in place of the value where there is one, but for names that Python has, too. */
    private static final Set<String> BESIDE_VALUES = Set.of("int", "float");

    private final Map<Integer, WeakReference<Object>> numbered = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, WeakReference<Object>> eldest) {
            return size() > MOST_NUMBERS;
        }
    };
    private int last;

    /** The variables of a session. */
    public JsonArray roots(List<SessionVariable> variables) {
        JsonArray all = new JsonArray();
        for (SessionVariable variable : variables) {
            JsonObject one = entry(variable.name(), variable.type(), variable.value());
            variable.remark().ifPresent(remark -> one.addProperty("value", remark));
            one.addProperty("evaluateName", variable.name());
            all.add(one);
        }
        return all;
    }

    /**
     * The parts of a value.
     *
     * @param number what the value came with
     * @param start the first element to tell, from 0
     * @param count how many at most; 0 for as many as are told at once, {@value #MOST_PARTS}
     * @throws IllegalArgumentException where nothing has this number any more
     */
    public JsonArray parts(int number, int start, int count) {
        WeakReference<Object> reference = numbered.get(number);
        Object value = reference == null ? null : reference.get();
        if (value == null) {
            throw new IllegalArgumentException(
                    "nothing has the number " + number + " any more: ask for the variables again");
        }
        int first = Math.max(0, start);
        int most = count <= 0 ? MOST_PARTS : Math.min(count, MOST_PARTS);
        JsonArray all = new JsonArray();
        try {
            if (value.getClass().isArray()) {
                for (int i = first; i < Math.min(Array.getLength(value), first + most); i++) {
                    Object element = Array.get(value, i);
                    all.add(entry("[" + i + "]", typeName(element), element));
                }
            } else if (value instanceof Map<?, ?> map && ValueText.isTrusted(value.getClass())) {
                map.entrySet().stream()
                        .skip(first)
                        .limit(most)
                        .forEach(e -> all.add(entry(ValueText.of(e.getKey()), typeName(e.getValue()), e.getValue())));
            } else if (value instanceof Collection<?> elements && ValueText.isTrusted(value.getClass())) {
                elements.stream()
                        .skip(first)
                        .limit(most)
                        .forEach(element ->
                                all.add(entry("[" + (first + all.size()) + "]", typeName(element), element)));
            } else {
                fields(value).forEach((name, content) -> all.add(entry(name, typeName(content), content)));
            }
        } catch (ConcurrentModificationException e) {
            throw new IllegalArgumentException("it changes while it is shown: ask again when the cell has ended", e);
        }
        return all;
    }

    private JsonObject entry(String name, String type, @Nullable Object value) {
        JsonObject one = new JsonObject();
        boolean hasParts = value != null && hasParts(value);
        one.addProperty("name", name);
        if (hasParts || BESIDE_VALUES.contains(type)) {
            one.addProperty("type", type);
        }
        one.addProperty("value", ValueText.of(value));
        if (hasParts) {
            last++;
            numbered.put(last, new WeakReference<>(value));
        }
        one.addProperty("variablesReference", hasParts ? last : 0);
        return one;
    }

    private static boolean hasParts(Object value) {
        Class<?> type = value.getClass();
        if (type.isArray()) {
            return Array.getLength(value) > 0;
        }
        if (ValueText.isTrusted(type)) {
            return (value instanceof Collection<?> all && !all.isEmpty())
                    || (value instanceof Map<?, ?> map && !map.isEmpty())
                    || value instanceof Record;
        }
        return !(value instanceof Enum) && !fields(value).isEmpty();
    }

    private static Map<String, @Nullable Object> fields(Object value) {
        List<Class<?>> types = new ArrayList<>();
        for (Class<?> type = value.getClass(); type != null; type = type.getSuperclass()) {
            types.add(type);
        }
        Collections.reverse(types); // what is inherited comes first
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        for (Class<?> type : types) {
            for (Field field : type.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers()) || field.isSynthetic()) {
                    continue;
                }
                try {
                    field.setAccessible(true);
                    fields.put(field.getName(), field.get(value));
                } catch (InaccessibleObjectException | IllegalAccessException e) {
                    // a field of Java's own that its module hides; the others are told
                    System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.DEBUG, "hidden field", e);
                }
            }
        }
        return fields;
    }

    private static String typeName(@Nullable Object value) {
        return value == null ? "" : value.getClass().getSimpleName();
    }
}
