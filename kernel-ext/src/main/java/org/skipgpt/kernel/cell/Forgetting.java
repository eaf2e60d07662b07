package org.skipgpt.kernel.cell;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;

/**
 * Forgets snippets that nothing can name any more: statements that have run, code that was refused, declarations that were
 * dropped or have another in their place.
 *
 * <p>A class that a living declaration names, directly or through others, stays readable for the compiler, and every class
 * stays loaded: a thread, a lambda or an object of it may live on.
 */
final class Forgetting {
    private static final int EVERY = 25; // snippets

    /** A compiler keeps some hundred bytes of each snippet that it has seen; the first cell with a new one waits for it. */
    private static final int COMPILER_FOR = 500; // snippets

    private final JShell shell;
    private final SnippetLoader loader;
    private final SnippetPlaces places;
    private Optional<ShellState> state;
    private int since;
    private int compiled;

    Forgetting(JShell shell, SnippetLoader loader, SnippetPlaces places) {
        this.shell = shell;
        this.loader = loader;
        this.places = places;
        this.state = ShellState.of(shell);
    }

    /** A snippet was evaluated, whatever came of it. */
    void evaluated() {
        since++;
        compiled++;
    }

    /** Forgets, once there is enough of it; no snippet may be about to run. */
    void forgetSome() {
        if (since >= EVERY) {
            since = 0;
            forget();
        }
    }

    private void forget() {
        List<Snippet> all = shell.snippets().toList();
        Predicate<Snippet> isAlive = snippet ->
                snippet.kind().isPersistent() && shell.status(snippet).isActive();
        Set<Snippet> gone = all.stream().filter(isAlive.negate()).collect(Collectors.toSet());
        List<Snippet> alive = all.stream().filter(isAlive).toList();
        Set<String> kept = loader.reachable(alive.stream()
                .map(snippet -> shell.sourceCodeAnalysis().wrapper(snippet).fullClassName())
                .toList());
        loader.keepOnly(kept);
        places.keepOnly(alive.stream().map(Snippet::id).collect(Collectors.toSet()));
        if (state.isPresent()) {
            try {
                state.get().forget(gone, kept);
                if (compiled >= COMPILER_FOR) {
                    compiled = 0;
                    state.get().renewCompiler();
                }
            } catch (ReflectiveOperationException | RuntimeException e) {
                state = Optional.empty();
                System.getLogger("org.skipgpt.kernel")
                        .log(System.Logger.Level.WARNING, "from here on JShell keeps some 25 kB of each cell", e);
            }
        }
    }
}
