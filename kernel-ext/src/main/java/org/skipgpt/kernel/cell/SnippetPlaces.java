package org.skipgpt.kernel.cell;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jshell.Snippet;
import jdk.jshell.SourceCodeAnalysis.SnippetWrapper;
import org.jspecify.annotations.Nullable;

/**
 * Remembers which lines of which cell each snippet came from.
 *
 * <p>JShell puts a class around each snippet; frames of stack traces name that class and its lines, and are translated
 * back here. Safe for threads: a thread that a cell started may throw at any time.
 */
final class SnippetPlaces {
    /** {@code REPL.$JShell$26B$Mine}: the class around snippet 26 in its second version, and the reader's class in it. */
    private static final Pattern WRAPPED =
            Pattern.compile("(REPL\\.\\$JShell\\$\\d+[A-Z]*(?:_\\d+[A-Z]*)*)(?:[$.](.*))?");

    private static final Pattern WRAPPED_PREFIX = Pattern.compile("REPL\\.\\$JShell\\$\\d+[A-Z]*(?:_\\d+[A-Z]*)*[.$]");

    private static final Pattern SNIPPET_ID = Pattern.compile("REPL\\.\\$JShell\\$(\\d+).*");

    /**
     * A snippet's place.
     *
     * @param snippet the snippet
     * @param origin the cell, with the line of the snippet's first line
     * @param lines the snippet's source
     */
    record Place(Snippet snippet, CodeOrigin origin, List<String> lines) {
        /** E.g. {@code In[3], line 2}, for a line of the snippet counted from 1. */
        String describe(int line) {
            return origin.name() + ", line " + (origin.firstLine() + line - 1);
        }

        /** A line of the source, or nothing where there is none. */
        String line(int line) {
            return line >= 1 && line <= lines.size() ? lines.get(line - 1) : "";
        }
    }

    /** The class around a snippet, and where each line of the snippet is in it. */
    private static final class Wrapped {
        private final String snippetId;
        private final SnippetWrapper wrapper;
        private int @Nullable [] lines;

        Wrapped(String snippetId, SnippetWrapper wrapper) {
            this.snippetId = snippetId;
            this.wrapper = wrapper;
        }

        /** The line of the source that a line of the class came from, both counted from 1. */
        synchronized int sourceLine(int wrappedLine) {
            if (lines == null) {
                lines = lines();
            }
            int found = 1;
            for (int i = 0; i < lines.length; i++) {
                found = lines[i] <= wrappedLine ? i + 1 : found;
            }
            return found;
        }

        private int[] lines() {
            String whole = wrapper.wrapped();
            String[] source = wrapper.source().split("\n", -1);
            int[] found = new int[source.length];
            int at = 0;
            for (int i = 0; i < source.length; i++) {
                int indent = source[i].length() - source[i].stripLeading().length();
                int start = at + (indent == source[i].length() ? 0 : indent);
                int position = Math.max(0, Math.min(wrapper.sourceToWrappedPosition(start), whole.length()));
                found[i] = 1
                        + (int) whole.substring(0, position)
                                .chars()
                                .filter(c -> c == '\n')
                                .count();
                at += source[i].length() + 1;
            }
            return found;
        }
    }

    private final Map<String, Place> places = new ConcurrentHashMap<>();
    private final Map<String, Wrapped> classes = new ConcurrentHashMap<>();

    /** Remembers a snippet; one that takes the place of another has its id. */
    void put(Snippet snippet, CodeOrigin origin) {
        places.put(
                snippet.id(),
                new Place(snippet, origin, snippet.source().lines().toList()));
    }

    /** Remembers the class that is around a snippet now. */
    void put(Snippet snippet, SnippetWrapper wrapper) {
        classes.put(wrapper.fullClassName(), new Wrapped(snippet.id(), wrapper));
    }

    @Nullable
    Place get(String snippetId) {
        return places.get(snippetId);
    }

    /** Frames with the reader's names and lines; the file of a snippet's frame is its id behind a {@code #}. */
    StackTraceElement[] translated(StackTraceElement[] trace) {
        return Arrays.stream(trace).map(this::translated).toArray(StackTraceElement[]::new);
    }

    /** The same without the frames below the reader's outermost one, which are the kernel's. */
    StackTraceElement[] untilCell(StackTraceElement[] translated) {
        int end = translated.length;
        while (end > 0 && place(translated[end - 1]) == null) {
            end--;
        }
        return end == 0 ? translated : Arrays.copyOf(translated, end);
    }

    /** Where a translated frame is; nothing where it is in no snippet. */
    @Nullable
    Place place(StackTraceElement translated) {
        String file = translated.getFileName();
        return file == null || !file.startsWith("#") ? null : places.get(file.substring(1));
    }

    /** The id of the snippet that a class was made for. */
    static String snippetId(Class<?> type) {
        Matcher matcher = SNIPPET_ID.matcher(type.getName());
        return matcher.matches() ? matcher.group(1) : "";
    }

    /** A text without the names of the classes around snippets. */
    static String unwrapped(String text) {
        return text.contains("REPL.$JShell$") ? WRAPPED_PREFIX.matcher(text).replaceAll("") : text;
    }

    private StackTraceElement translated(StackTraceElement frame) {
        Matcher matcher = WRAPPED.matcher(frame.getClassName());
        Wrapped wrapped = matcher.matches() ? classes.get(matcher.group(1)) : null;
        if (wrapped == null) {
            return frame;
        }
        String type = matcher.group(2) == null ? "" : matcher.group(2);
        String method = frame.getMethodName().equals("do_it$") ? "" : frame.getMethodName();
        return new StackTraceElement(type, method, "#" + wrapped.snippetId, wrapped.sourceLine(frame.getLineNumber()));
    }
}
