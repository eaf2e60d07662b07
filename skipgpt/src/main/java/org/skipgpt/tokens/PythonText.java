package org.skipgpt.tokens;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Methods of Python's texts that chat templates call. */
final class PythonText {
    private PythonText() {}

    /**
     * Calls a method.
     *
     * @return empty where it is not known, or not with such arguments
     */
    static Optional<Object> call(String text, String method, Object... arguments) {
        for (Object argument : arguments) {
            if (!(argument instanceof String)) {
                return Optional.empty();
            }
        }
        String first = arguments.length == 0 ? null : (String) arguments[0];
        if (arguments.length > 1) {
            boolean replaces = method.equals("replace") && arguments.length == 2;
            return replaces
                    ? Optional.of(text.replace(String.valueOf(first), (String) arguments[1]))
                    : Optional.empty();
        }
        return switch (method) {
            case "strip" -> Optional.of(strip(text, first, true, true));
            case "lstrip" -> Optional.of(strip(text, first, true, false));
            case "rstrip" -> Optional.of(strip(text, first, false, true));
            case "startswith" -> Optional.ofNullable(first).map(text::startsWith);
            case "endswith" -> Optional.ofNullable(first).map(text::endsWith);
            case "split" ->
                Optional.ofNullable(first).filter(by -> !by.isEmpty()).map(by -> split(text, by));
            case "upper" -> first == null ? Optional.of(text.toUpperCase(Locale.ROOT)) : Optional.empty();
            case "lower" -> first == null ? Optional.of(text.toLowerCase(Locale.ROOT)) : Optional.empty();
            default -> Optional.empty();
        };
    }

    /** Without leading or trailing characters of a set; the set left out is white space as Python has it. */
    static String strip(String text, @Nullable String characters, boolean left, boolean right) {
        int[] points = text.codePoints().toArray();
        int from = 0;
        int to = points.length;
        while (left && from < to && isIn(characters, points[from])) {
            from++;
        }
        while (right && to > from && isIn(characters, points[to - 1])) {
            to--;
        }
        return new String(points, from, to - from);
    }

    private static boolean isIn(@Nullable String characters, int point) {
        return characters == null ? isSpace(point) : characters.indexOf(point) >= 0;
    }

    // str.isspace: Java's white space leaves out the spaces that do not break and the next line
    private static boolean isSpace(int point) {
        return Character.isWhitespace(point) || Character.isSpaceChar(point) || point == 0x85;
    }

    private static List<String> split(String text, String by) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(by); at >= 0; at = text.indexOf(by, from)) {
            parts.add(text.substring(from, at));
            from = at + by.length();
        }
        parts.add(text.substring(from));
        return parts;
    }
}
