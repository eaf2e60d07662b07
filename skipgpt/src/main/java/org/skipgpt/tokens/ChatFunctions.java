package org.skipgpt.tokens;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.skipgpt.data.DataException;

/** The two functions that transformers gives to templates; public for the library, which looks them up. */
public final class ChatFunctions {
    private static final Map<Character, String> PATTERNS = Map.ofEntries(
            Map.entry('a', "EEE"),
            Map.entry('A', "EEEE"),
            Map.entry('b', "MMM"),
            Map.entry('B', "MMMM"),
            Map.entry('d', "dd"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('j', "DDD"),
            Map.entry('m', "MM"),
            Map.entry('M', "mm"),
            Map.entry('p', "a"),
            Map.entry('S', "ss"),
            Map.entry('y', "yy"),
            Map.entry('Y', "yyyy"));

    private static final ThreadLocal<LocalDateTime> NOW =
            ThreadLocal.withInitial(() -> LocalDateTime.now(ZoneId.systemDefault()));

    private ChatFunctions() {}

    /** What a template says against a conversation. */
    static final class Raised extends RuntimeException {
        Raised(String message) {
            super(message);
        }
    }

    static <T> T at(LocalDateTime now, Supplier<T> work) {
        NOW.set(now);
        try {
            return work.get();
        } finally {
            NOW.remove();
        }
    }

    /** {@code raise_exception(message)}: the conversation is refused. */
    @SuppressWarnings("DoNotCallSuggester") // templates call it
    public static String raise(Object message) {
        throw new Raised(String.valueOf(message));
    }

    /**
     * {@code strftime_now(format)}: the time as Python writes it in English.
     *
     * @throws DataException for a directive that is not one of a A b B d H I j m M p S y Y %
     */
    public static String strftime(String format) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < format.length()) {
            char c = format.charAt(at++);
            out.append(c == '%' ? directive(format, at++) : String.valueOf(c));
        }
        return out.toString();
    }

    private static String directive(String format, int at) {
        char directive = at < format.length() ? format.charAt(at) : ' ';
        if (directive == '%') {
            return "%";
        }
        String pattern = PATTERNS.get(directive);
        if (pattern == null) {
            throw new DataException("strftime_now(\"" + format + "\"): %" + directive
                    + " is not known; known are %a %A %b %B %d %H %I %j %m %M %p %S %y %Y %%");
        }
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(NOW.get());
    }
}
