package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text with fields of a record in braces: {@code "Question: {goal}\nAnswer:"}.
 *
 * <p>{@code {choices.text}} goes into a nested record, or into each of a list of records. Filters follow a bar: {@code strip}, {@code capitalize} (first
 * character upper, all others lower), {@code hellaswag} (the harness's cleaning of wikiHow marks), {@code before:_} and
 * {@code after:_} (up to and behind the first such mark), {@code butlast} and {@code last} (words between spaces).
 */
record Template(String text) {
    private static final Pattern FIELD = Pattern.compile("\\{([A-Za-z0-9_.]+)((?:\\|[a-z]+(?::[^|}]+)?)*)}");

    /** The text for a record. */
    String render(JsonObject record) {
        Matcher matcher = FIELD.matcher(text);
        StringBuilder out = new StringBuilder();
        int from = 0;
        while (matcher.find()) {
            out.append(text, from, matcher.start());
            JsonElement value = value(record, matcher.group(1));
            if (!value.isJsonPrimitive()) {
                throw new TaskException("field \"" + matcher.group(1) + "\" holds a list or record; expected a text");
            }
            out.append(filtered(value.getAsString(), matcher.group(2)));
            from = matcher.end();
        }
        return out.append(text, from, text.length()).toString();
    }

    /** One text a template; a template that is nothing but a field with a list gives one text an entry. */
    static List<String> renderAll(List<String> templates, JsonObject record) {
        List<String> out = new ArrayList<>();
        for (String one : templates) {
            Matcher matcher = FIELD.matcher(one);
            if (matcher.matches() && value(record, matcher.group(1)).isJsonArray()) {
                for (JsonElement entry : value(record, matcher.group(1)).getAsJsonArray()) {
                    if (!entry.isJsonPrimitive()) {
                        throw new TaskException("list \"" + matcher.group(1) + "\" holds something that is no text");
                    }
                    out.add(filtered(entry.getAsString(), matcher.group(2)));
                }
            } else {
                out.add(new Template(one).render(record));
            }
        }
        return out;
    }

    private static JsonElement value(JsonObject record, String path) {
        JsonElement at = record;
        for (String name : path.split("\\.", -1)) {
            at = inner(at, name)
                    .orElseThrow(() ->
                            new TaskException("field \"" + path + "\" is missing; the record has " + record.keySet()));
        }
        return at;
    }

    // In a list of records a name means that field of each.
    private static Optional<JsonElement> inner(JsonElement at, String name) {
        if (at.isJsonArray()) {
            JsonArray each = new JsonArray();
            for (JsonElement entry : at.getAsJsonArray()) {
                Optional<JsonElement> field = inner(entry, name);
                if (field.isEmpty()) {
                    return Optional.empty();
                }
                each.add(field.get());
            }
            return Optional.of(each);
        }
        return at.isJsonObject()
                ? Optional.ofNullable(at.getAsJsonObject().get(name)).filter(field -> !field.isJsonNull())
                : Optional.empty();
    }

    static String filtered(String value, String filters) {
        String out = value;
        for (String filter : filters.split("\\|", -1)) {
            out = filter.isEmpty() ? out : apply(out, filter);
        }
        return out;
    }

    private static String apply(String value, String filter) {
        int colon = filter.indexOf(':');
        String name = colon < 0 ? filter : filter.substring(0, colon);
        String mark = colon < 0 ? "" : filter.substring(colon + 1);
        return switch (name) {
            case "strip" -> value.strip();
            case "capitalize" -> capitalize(value);
            case "hellaswag" -> hellaswag(value);
            case "before" -> value.substring(0, find(value, mark));
            case "after" -> value.substring(find(value, mark) + mark.length());
            case "butlast" -> value.substring(0, lastSpace(value));
            case "last" -> value.substring(lastSpace(value) + 1);
            default ->
                throw new IllegalArgumentException("template filter \"" + name
                        + "\" is not known: use strip, capitalize, hellaswag, before:_, after:_, butlast or last");
        };
    }

    private static int find(String value, String mark) {
        int at = value.indexOf(mark);
        if (at < 0) {
            throw new TaskException("no \"" + mark + "\" in \"" + head(value) + "\"");
        }
        return at;
    }

    private static int lastSpace(String value) {
        int at = value.lastIndexOf(' ');
        if (at < 0) {
            throw new TaskException("one word only: \"" + head(value) + "\"; expected a context and a last word");
        }
        return at;
    }

    static String head(String value) {
        return value.length() <= 60 ? value : value.substring(0, 60) + "…";
    }

    /** The end of a text that may be long, as of a path. */
    static String tail(String value) {
        return value.length() <= 60 ? value : "…" + value.substring(value.length() - 60);
    }

    /** First character upper, all others lower, as Python's str.capitalize. */
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        // Python puts the first character into title case
        String head = Character.toString(Character.toTitleCase(text.codePointAt(0)));
        return head + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /** Strip; " [title]" becomes ". "; shortest [..] spans go; one pass of double to single spaces. */
    static String hellaswag(String text) {
        String out = text.strip().replace(" [title]", ". ");
        return out.replaceAll("(?d)\\[.*?\\]", "").replace("  ", " ");
    }
}
