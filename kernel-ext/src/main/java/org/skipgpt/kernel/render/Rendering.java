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
 * @param onRequest further forms, which are made only where they are asked for: {@code display(picture, "image/jpeg")}
 */
public record Rendering<T>(
        Class<T> type,
        List<String> mimes,
        Function<T, Map<String, String>> forms,
        Map<String, Function<T, String>> onRequest) {
    /** The name of plain text. */
    public static final String TEXT = "text/plain";

    /** The name of an html fragment. */
    public static final String HTML = "text/html";

    /** The name of a PNG picture. */
    public static final String PNG = "image/png";

    /** The name of a JPEG picture. */
    public static final String JPEG = "image/jpeg";

    /** The name of an SVG picture. */
    public static final String SVG = "image/svg+xml";

    Rendering(Class<T> type, List<String> mimes, Function<T, Map<String, String>> forms) {
        this(type, mimes, forms, Map.of());
    }

    /** The forms of a value, which must be of this type; those with an empty text are left out. */
    public Map<String, String> of(Object value) {
        Map<String, String> all = new LinkedHashMap<>(forms.apply(type.cast(value)));
        all.values().removeIf(String::isEmpty);
        return all;
    }

    /** A form of a value that is made on request only. */
    public String of(Object value, String mime) {
        Function<T, String> form = onRequest.get(mime);
        if (form == null) {
            throw new IllegalArgumentException(
                    type.getSimpleName() + " is not shown as " + mime + ": expected one of " + onRequest.keySet());
        }
        return form.apply(type.cast(value));
    }
}
