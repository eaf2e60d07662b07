package org.skipgpt.kernel.cell;

import java.lang.reflect.Field;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.VarSnippet;
import org.jspecify.annotations.Nullable;

/**
 * Lets go of values that no cell can name any more. JShell keeps each variable in a static field of a class of its own and
 * never clears one: neither that of a variable declared anew, nor those of results without a name ({@code $12}).
 */
final class HeldValues {
    private static final int LARGE_RESULTS = 5;

    /** JShell imports each by its name into every later snippet, whose source it keeps: the sum would grow as a square. */
    private static final int RESULTS = 100;

    private static final int SMALL_TEXT = 10_000; // characters

    private final JShell shell;
    private final Map<String, Class<?>> holders = new HashMap<>(); // by snippet id
    private final Deque<VarSnippet> results = new ArrayDeque<>(); // oldest first
    private final Deque<VarSnippet> largeResults = new ArrayDeque<>(); // those of them that take much memory

    HeldValues(JShell shell) {
        this.shell = shell;
    }

    /** A variable is about to be set; what it held before cannot be named from here on. */
    void setting(VarSnippet variable, Class<?> holder) {
        Class<?> before = holders.put(variable.id(), holder);
        if (before != null && before != holder) {
            clear(before, variable.name());
        }
    }

    /** A variable is not there any more, or has lost its value. */
    void free(VarSnippet variable) {
        Class<?> holder = holders.remove(variable.id());
        if (holder != null) {
            clear(holder, variable.name());
        }
    }

    /** A cell ended with a result that has no name; returns one that goes for it, where there are many. */
    @Nullable
    VarSnippet add(VarSnippet result, @Nullable Object value) {
        results.add(result);
        if (!isSmall(value)) {
            largeResults.add(result);
        }
        VarSnippet old = oldest(largeResults, LARGE_RESULTS);
        old = old == null ? oldest(results, RESULTS) : old;
        if (old != null) {
            results.remove(old);
            largeResults.remove(old);
            free(old);
        }
        return old;
    }

    /** The oldest of more than so many that no other declaration names. */
    private @Nullable VarSnippet oldest(Deque<VarSnippet> of, int most) {
        return of.size() <= most
                ? null
                : of.stream().filter(result -> !isNamed(result)).findFirst().orElse(null);
    }

    private boolean isNamed(VarSnippet result) {
        return shell.snippets()
                .filter(snippet -> shell.status(snippet).isActive() && snippet.kind() != Snippet.Kind.STATEMENT)
                .anyMatch(snippet -> snippet.source().contains(result.name()));
    }

    private static boolean isSmall(@Nullable Object value) {
        return value == null
                || value instanceof Number
                || value instanceof Boolean
                || value instanceof Character
                || value instanceof Enum
                || (value instanceof String text && text.length() < SMALL_TEXT);
    }

    private static void clear(Class<?> holder, String name) {
        try {
            Field field = holder.getDeclaredField(name);
            if (!field.getType().isPrimitive()) {
                field.setAccessible(true);
                field.set(null, null);
            }
        } catch (ReflectiveOperationException e) {
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.DEBUG, "kept the value of " + name, e);
        }
    }
}
