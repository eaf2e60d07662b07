package org.skipgpt.kernel.variables;

import java.lang.reflect.Array;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A value in a line, e.g. {@code 42}, {@code "text"}, {@code float[3]}, {@code 2 entries}.
 *
 * <p>No code of cells should run for it: that could wait, fail or change what it tells. So {@code toString} is asked of
 * the classes of Java and of the class path only; an {@code Optional} and its like ask what they hold.
 */
final class ValueText {
    private static final int LONGEST = 200; // characters

    private ValueText() {}

    /** The line of a value. */
    static String of(@Nullable Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof String text) {
            return '"' + clipped(text) + '"';
        }
        if (value instanceof Character) {
            return "'" + value + "'";
        }
        Class<?> type = value.getClass();
        if (type.isArray()) {
            return type.componentType().getSimpleName() + "[" + Array.getLength(value) + "]";
        }
        if (!isTrusted(type)) {
            return value instanceof Enum<?> constant ? constant.name() : type.getSimpleName();
        }
        try {
            if (value instanceof Collection<?> all) {
                return counted(all.size(), "element");
            }
            return value instanceof Map<?, ?> map ? counted(map.size(), "entry") : clipped(String.valueOf(value));
        } catch (RuntimeException | LinkageError | StackOverflowError e) {
            return "not to be shown: " + e;
        }
    }

    /** Whether a class is Java's or of the class path that the kernel started with, and so none of a cell. */
    static boolean isTrusted(Class<?> type) {
        ClassLoader loader = type.getClassLoader();
        for (ClassLoader ours = ValueText.class.getClassLoader(); ours != null; ours = ours.getParent()) {
            if (loader == ours) {
                return true;
            }
        }
        return loader == null;
    }

    private static String counted(int count, String one) {
        String many = one.endsWith("y") ? one.substring(0, one.length() - 1) + "ies" : one + "s";
        return count + " " + (count == 1 ? one : many);
    }

    private static String clipped(String text) {
        String head = text.substring(0, Math.min(text.length(), LONGEST)); // a text may be very long
        String line = head.lines().findFirst().orElse("");
        return line.length() == text.length() ? line : line + " ...";
    }
}
