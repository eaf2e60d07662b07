package org.skipgpt.tokens;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/** Filters that the library has otherwise than Jinja: of texts as sequences of characters, and white space as Python's. */
record ChatFilter(String name) implements Filter {
    static final List<ChatFilter> ALL = Stream.concat(
                    Stream.of("trim", "length", "count", "first", "last", "list"), ChatSource.UNUSED.stream())
            .map(ChatFilter::new)
            .toList();

    @Override
    public String getName() {
        return name;
    }

    @Override
    public @Nullable Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
        if (name.equals("trim")) {
            String text = value == null ? "" : value.toString();
            return PythonText.strip(text, arguments.length > 0 ? arguments[0] : null, true, true);
        }
        if (ChatSource.UNUSED.contains(name)) {
            throw new ELException("the filter " + name + " is not known to give here what transformers gives");
        }
        List<?> parts = parts(value);
        return switch (name) {
            case "first" -> parts.isEmpty() ? null : parts.get(0);
            case "last" -> parts.isEmpty() ? null : parts.get(parts.size() - 1);
            case "list" -> parts;
            default -> (long) parts.size();
        };
    }

    private List<?> parts(@Nullable Object value) {
        if (value instanceof String text) {
            return text.codePoints().mapToObj(Character::toString).toList();
        }
        if (value instanceof Object[] array) {
            return Arrays.asList(array);
        }
        if (value instanceof Map<?, ?> map) {
            return List.copyOf(map.keySet());
        }
        if (value instanceof Iterable<?> all) {
            List<Object> list = new ArrayList<>();
            all.forEach(list::add);
            return list;
        }
        throw new ELException(
                "the filter " + name + " of " + (value == null ? "nothing" : value) + " is not known here");
    }
}
