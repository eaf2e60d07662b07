package org.skipgpt.kernel.cell;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.VarSnippet;

/**
 * What JShell keeps of snippets and has no method to forget. It can be reached where the kernel was started with
 * {@value #OPTION}, on the JDKs whose JShell has these fields (17 to 25 have).
 */
final class ShellState {
    /** The option of {@code java} that lets this class look. */
    static final String OPTION = "--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED";

    private static final byte[] NO_BYTES = {};

    private final Set<Snippet> snippets;
    private final List<Snippet> byIndex;
    private final Map<String, Set<Integer>> dependents; // by the names that they use
    private final Map<String, Object> wraps; // sources of the classes around snippets
    private final Map<String, Object> written; // classes that the compiler reads
    private final Map<String, Object> tracked; // classes that were loaded
    private final Map<String, Object> variables; // names that are taken
    private final Object compilers;
    private final Method renew;

    @SuppressWarnings("unchecked")
    private ShellState(JShell shell) throws ReflectiveOperationException {
        Object maps = field(shell, "maps");
        snippets = (Set<Snippet>) field(maps, "snippets");
        byIndex = (List<Snippet>) field(maps, "keyIndexToSnippet");
        dependents = (Map<String, Set<Integer>>) field(maps, "dependencies");
        wraps = (Map<String, Object>) field(field(shell, "outerMap"), "classOuters");
        tracked = (Map<String, Object>) field(field(shell, "classTracker"), "map");
        variables = (Map<String, Object>) field(field(shell, "keyMap"), "varMap");
        compilers = field(shell, "taskFactory");
        written = (Map<String, Object>) field(field(compilers, "fileManager"), "classObjects");
        renew = compilers.getClass().getDeclaredMethod("initTaskPool");
        renew.setAccessible(true);
    }

    /** The state of a shell; empty where this Java does not let it be seen. */
    static Optional<ShellState> of(JShell shell) {
        try {
            return Optional.of(new ShellState(shell));
        } catch (ReflectiveOperationException | RuntimeException e) {
            System.getLogger("org.skipgpt.kernel")
                    .log(
                            System.Logger.Level.INFO,
                            "JShell keeps some 25 kB of each cell, as the kernel was not started with " + OPTION
                                    + "; install it again (" + e + ")");
            return Optional.empty();
        }
    }

    /**
     * Forgets snippets, with what JShell keeps beside them.
     *
     * @param gone snippets that nothing can name any more
     * @param kept the classes around snippets that later code may name
     */
    void forget(Collection<Snippet> gone, Set<String> kept) throws ReflectiveOperationException {
        snippets.removeAll(gone);
        byIndex.replaceAll(snippet -> gone.contains(snippet) ? null : snippet);
        dependents
                .values()
                .forEach(users -> users.removeIf(index -> index < byIndex.size() && byIndex.get(index) == null));
        dependents.values().removeIf(Set::isEmpty);
        List<Snippet> results = gone.stream().filter(ShellState::isResult).toList();
        results.forEach(result -> variables.remove(((VarSnippet) result).name()));
        wraps.keySet().removeIf(name -> !kept.contains("REPL." + name));
        written.keySet().removeIf(name -> !kept.contains(SnippetClasses.around(name)));
        Set<String> ids = gone.stream()
                .filter(snippet -> !snippet.kind().isPersistent() || isResult(snippet))
                .map(Snippet::id)
                .collect(Collectors.toSet());
        tracked.entrySet().removeIf(entry -> ids.contains(SnippetClasses.id(entry.getKey())));
        for (Map.Entry<String, Object> entry : tracked.entrySet()) {
            if (!kept.contains(SnippetClasses.around(entry.getKey()))) {
                empty(entry.getValue());
            }
        }
    }

    /** Makes a new compiler: one that has worked for long has a note of each compilation. */
    void renewCompiler() throws ReflectiveOperationException {
        renew.invoke(compilers);
    }

    /** A name that comes again gets a class of the next version: so it must stay known that this one was loaded. */
    private static void empty(Object tracked) throws ReflectiveOperationException {
        Field loaded = open(tracked, "loadedBytes");
        if (loaded.get(tracked) != null) {
            loaded.set(tracked, NO_BYTES);
            open(tracked, "currentBytes").set(tracked, null);
        }
    }

    private static boolean isResult(Snippet snippet) {
        return snippet.subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND;
    }

    private static Object field(Object of, String name) throws ReflectiveOperationException {
        return Objects.requireNonNull(open(of, name).get(of), name);
    }

    private static Field open(Object of, String name) throws ReflectiveOperationException {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
