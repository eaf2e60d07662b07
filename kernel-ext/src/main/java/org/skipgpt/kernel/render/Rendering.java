package org.skipgpt.kernel.render;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * How values of one type look.
 *
 * @param type the type, its subtypes included
 * @param mimes the forms it may have
 * @param forms gives the forms of a value by MIME type; pictures in Base64
 */
public record Rendering<T>(Class<T> type, List<String> mimes, Function<T, Map<String, String>> forms) {
    /** The name of plain text. */
    public static final String TEXT = "text/plain";

    /** The name of an html fragment. */
    public static final String HTML = "text/html";

    /** The name of a PNG picture. */
    public static final String PNG = "image/png";

    /** The name of an SVG picture. */
    public static final String SVG = "image/svg+xml";

    /** The forms of a value, which must be of this type; those with an empty text are left out. */
    public Map<String, String> of(Object value) {
        Map<String, String> all = new LinkedHashMap<>(forms.apply(type.cast(value)));
        all.values().removeIf(String::isEmpty);
        return all;
    }
}
