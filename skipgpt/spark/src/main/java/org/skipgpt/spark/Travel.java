package org.skipgpt.spark;

import java.io.Serializable;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Values that go to executors: records of records, with the lists, maps, optionals and paths in them, in a form that can be serialized.
 *
 * <p>Records that do not say they can be serialized are taken apart and put together again by their constructors, which check them.
 * Everything else must be {@link Serializable}.
 */
final class Travel {
    private Travel() {}

    /** A record in parts. */
    private record Parts(Class<?> type, List<Object> values) implements Serializable {}

    /** A list, set, map, optional or path in parts. */
    private record Several(Kind kind, List<Object> values) implements Serializable {}

    private enum Kind {
        LIST,
        SET,
        MAP,
        OPTIONAL,
        OPTIONAL_INT,
        PATH
    }

    /**
     * The form that travels.
     *
     * @param name what to call the value in messages
     * @throws IllegalArgumentException if something in it cannot travel; the message names it
     */
    static Serializable pack(String name, Object value) {
        if (value instanceof Path path) {
            return new Several(Kind.PATH, List.of(path.toString()));
        } else if (value instanceof Optional<?> one) {
            return new Several(Kind.OPTIONAL, all(name, one.stream().toList()));
        } else if (value instanceof OptionalInt one) {
            return new Several(Kind.OPTIONAL_INT, all(name, one.stream().boxed().toList()));
        } else if (value instanceof Map<?, ?> map) {
            List<Object> packed = all(name, map.keySet());
            packed.addAll(all(name, map.values()));
            return new Several(Kind.MAP, packed);
        } else if (value instanceof Set<?> set) {
            return new Several(Kind.SET, all(name, set));
        } else if (value instanceof List<?> list) {
            return new Several(Kind.LIST, all(name, list));
        } else if (value instanceof Record record) {
            return record(name, record);
        } else if (value instanceof Serializable travels) {
            return travels;
        }
        throw new IllegalArgumentException(name + " is a " + value.getClass().getName()
                + ", which cannot travel to executors: make its class Serializable, or a record of what can");
    }

    private static List<Object> all(String name, Collection<?> values) {
        List<Object> packed = new ArrayList<>();
        values.forEach(value -> packed.add(pack(name, value)));
        return packed;
    }

    private static Serializable record(String name, Record record) {
        List<Object> values = new ArrayList<>();
        for (RecordComponent component : record.getClass().getRecordComponents()) {
            try {
                component.getAccessor().setAccessible(true);
                values.add(pack(
                        name + "." + component.getName(),
                        component.getAccessor().invoke(record)));
            } catch (ReflectiveOperationException e) {
                throw new IllegalArgumentException(name + "." + component.getName() + " cannot be read", e);
            }
        }
        return new Parts(record.getClass(), values);
    }

    /** The value again. */
    static Object unpack(Object packed) {
        if (packed instanceof Parts parts) {
            return made(parts);
        } else if (packed instanceof Several several) {
            List<Object> values = several.values().stream().map(Travel::unpack).toList();
            return switch (several.kind()) {
                case LIST -> values;
                case SET -> new LinkedHashSet<>(values);
                case MAP -> map(values);
                case OPTIONAL -> values.stream().findFirst();
                case OPTIONAL_INT -> values.isEmpty() ? OptionalInt.empty() : OptionalInt.of((Integer) values.get(0));
                case PATH -> Path.of((String) values.get(0));
            };
        }
        return packed;
    }

    // Keys, then their values.
    private static Map<Object, Object> map(List<Object> values) {
        int size = values.size() / 2;
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < size; i++) {
            map.put(values.get(i), values.get(size + i));
        }
        return map;
    }

    private static Object made(Parts parts) {
        Class<?>[] types = Arrays.stream(parts.type().getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        try {
            Constructor<?> constructor = parts.type().getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(
                    parts.values().stream().map(Travel::unpack).toArray());
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RuntimeException fault ? fault : new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(parts.type() + " cannot be made again", e);
        }
    }
}
