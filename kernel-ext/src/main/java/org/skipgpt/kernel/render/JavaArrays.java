package org.skipgpt.kernel.render;

import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Java arrays as text: length of each axis and the first values, where {@code toString} gives a hash. */
final class JavaArrays {
    private static final int MAX_ROWS = 6;
    private static final int MAX_COLUMNS = 8;
    private static final int MAX_VALUES = 24; // of an array with one axis
    private static final int MAX_AXES = 3;
    private static final List<Class<?>> ELEMENTS = List.of(
            boolean.class,
            byte.class,
            short.class,
            char.class,
            int.class,
            long.class,
            float.class,
            double.class,
            String.class,
            Object.class);

    private JavaArrays() {}

    /** Renderings of arrays of numbers, texts and objects with up to three axes. */
    static List<Rendering<?>> all() {
        List<Rendering<?>> all = new ArrayList<>();
        for (Class<?> element : ELEMENTS) {
            Class<?> type = element;
            for (int axis = 0; axis < MAX_AXES; axis++) {
                type = type.arrayType();
                all.add(new Rendering<>(type, List.of(Rendering.TEXT), array -> Map.of(Rendering.TEXT, text(array))));
            }
        }
        return all;
    }

    private static String text(Object array) {
        int length = Array.getLength(array);
        if (!isArray(array)) {
            return head(array) + (length == 0 ? "" : "\n" + row(array, MAX_VALUES));
        }
        StringBuilder text = new StringBuilder(head(array));
        Object matrix = array;
        while (Array.getLength(matrix) > 0 && isArray(Array.get(matrix, 0))) {
            Object first = Array.get(matrix, 0);
            if (!isArray(first)) {
                break;
            }
            matrix = first;
            text.append(text.indexOf("\n") < 0 ? "\nfirst matrix:" : "");
        }
        int rows = Array.getLength(matrix);
        for (int i = 0; i < Math.min(rows, MAX_ROWS); i++) {
            Object row = Array.get(matrix, i);
            text.append('\n').append(row == null ? "null" : row(row, MAX_COLUMNS));
        }
        return text + (rows > MAX_ROWS ? "\n..." : "");
    }

    private static boolean isArray(Object array) {
        return array != null && array.getClass().componentType().isArray();
    }

    /** E.g. {@code float[2][10]}; the inner lengths are those of the first elements. */
    private static String head(Object array) {
        StringBuilder lengths = new StringBuilder();
        Class<?> type = array.getClass();
        Object at = array;
        while (type.isArray()) {
            int length = at == null ? 0 : Array.getLength(at);
            lengths.append('[').append(at == null ? "" : String.valueOf(length)).append(']');
            type = type.componentType();
            at = length > 0 && type.isArray() ? Array.get(at, 0) : null;
        }
        return type.getSimpleName() + lengths;
    }

    private static String row(Object row, int most) {
        StringBuilder text = new StringBuilder();
        int length = Array.getLength(row);
        for (int i = 0; i < Math.min(length, most); i++) {
            text.append(i > 0 ? "  " : "").append(value(Array.get(row, i)));
        }
        return text + (length > most ? "  ..." : "");
    }

    private static String value(Object value) {
        return value instanceof Float || value instanceof Double
                ? String.format(Locale.ROOT, "%.5g", ((Number) value).doubleValue())
                : String.valueOf(value);
    }
}
