package org.skipgpt.kernel.cell;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
     * @param snippetId the snippet's id
     * @param origin the cell, with the line of the snippet's first line
     * @param source the snippet's source
     */
    record Place(String snippetId, CodeOrigin origin, String source) {
        /** E.g. {@code In[3], line 2}, for a line of the snippet counted from 1. */
        String describe(int line) {
            return origin.name() + ", line " + (origin.firstLine() + line - 1);
        }

        /** A line of the source, or nothing where there is none. */
        String line(int line) {
            return line < 1 ? "" : source.lines().skip(line - 1L).findFirst().orElse("");
        }
    }

    /** The class around a snippet, and where each line of the snippet is in it. */
    private static final class Wrapped {
        private final Place place;
        private @Nullable SnippetWrapper wrapper; // until the lines are known
        private int @Nullable [] lines;

        Wrapped(Place place, SnippetWrapper wrapper) {
            this.place = place;
            this.wrapper = wrapper;
        }

        /** The line of the source that a line of the class came from, both counted from 1. */
        synchronized int sourceLine(int wrappedLine) {
            settle();
            int found = 1;
            for (int i = 0; lines != null && i < lines.length; i++) {
                found = lines[i] <= wrappedLine ? i + 1 : found;
            }
            return found;
        }

        /** Keeps the lines and not the text of the class, which holds all imports of the session. */
        synchronized void settle() {
            if (wrapper != null) {
                lines = lines(wrapper);
                wrapper = null;
            }
        }

        private static int[] lines(SnippetWrapper wrapper) {
            String whole = wrapper.wrapped();
            String[] source = wrapper.source().split("\n", -1);
            int[] found = new int[source.length];
            int at = 0;
            int counted = 0; // characters of the whole
            int line = 1;
            for (int i = 0; i < source.length; i++) {
                int indent = source[i].length() - source[i].stripLeading().length();
                int start = at + (indent == source[i].length() ? 0 : indent);
                int position = Math.max(counted, Math.min(wrapper.sourceToWrappedPosition(start), whole.length()));
                line += (int) whole.substring(counted, position)
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
                found[i] = line;
                counted = position;
                at += source[i].length() + 1;
            }
            return found;
        }
    }

    private final Map<String, Place> places = new ConcurrentHashMap<>(); // by the ids of snippets
    private final Map<String, Snippet> snippets = new ConcurrentHashMap<>(); // by their ids
    private final Map<String, Wrapped> classes = new ConcurrentHashMap<>(); // by the names of the classes around them

    /** Remembers a snippet; one that takes the place of another has its id. */
    void put(Snippet snippet, CodeOrigin origin) {
        snippets.put(snippet.id(), snippet);
        places.put(snippet.id(), new Place(snippet.id(), origin, snippet.source()));
    }

    /** Remembers the class that is around a snippet now. */
    void put(Snippet snippet, SnippetWrapper wrapper) {
        Place place = places.get(snippet.id());
        if (place != null) {
            classes.put(wrapper.fullClassName(), new Wrapped(place, wrapper));
        }
    }

    @Nullable
    Place get(String snippetId) {
        return places.get(snippetId);
    }

    /** The snippet at a place; nothing where it is forgotten. */
    Optional<Snippet> snippet(Place place) {
        return Optional.ofNullable(snippets.get(place.snippetId()));
    }

    /**
     * Lets go of what only the compiler needs. Where the code of a class came from stays known, as long as it may run.
     *
     * @param ids the snippets that are still there
     */
    void keepOnly(Set<String> ids) {
        places.keySet().retainAll(ids);
        snippets.keySet().retainAll(ids);
        classes.values().forEach(Wrapped::settle);
    }

    /** Frames with the reader's names and lines; the file of a snippet's frame is its class behind a {@code #}. */
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
        Wrapped wrapped = file == null || !file.startsWith("#") ? null : classes.get(file.substring(1));
        return wrapped == null ? null : wrapped.place;
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
        return new StackTraceElement(type, method, "#" + matcher.group(1), wrapped.sourceLine(frame.getLineNumber()));
    }
}
