package org.skipgpt.kernel.cell;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.PersistentSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.VarSnippet;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.CellExecutionControl.Captured;
import org.skipgpt.kernel.cell.Interrupter.Execution;

/**
 * Runs one snippet after the other and lets nothing pass in silence: whatever JShell reports of a snippet is in order, is
 * told, or fails the cell.
 *
 * <p>All methods belong to who holds the compiler's lock.
 */
final class SnippetRunner {
    private static final Set<Snippet.SubKind> EXPRESSIONS = EnumSet.of(
            Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND,
            Snippet.SubKind.VAR_VALUE_SUBKIND,
            Snippet.SubKind.ASSIGNMENT_SUBKIND,
            Snippet.SubKind.OTHER_EXPRESSION_SUBKIND);
    private static final String RESTART = "restart the kernel to go on";

    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final CellExecutionControl control;
    private final Interrupter interrupter;
    private final SnippetPlaces places;
    private final Ledger ledger;
    private final HeldValues held;
    private final Failures failures;
    private final Consumer<String> notices;
    private final Forgetting forgetting;
    private CodeOrigin origin; // of the snippet that is evaluated
    private volatile ClassLoader loader = SnippetRunner.class.getClassLoader();
    private @Nullable CellFailure broken;
    private volatile Consumer<@Nullable Object> valueTaker = value -> {};
    private volatile Consumer<Throwable> thrownTaker = thrown -> {};

    SnippetRunner(
            JShell shell,
            CellExecutionControl control,
            Interrupter interrupter,
            SnippetPlaces places,
            Ledger ledger,
            Failures failures,
            Forgetting forgetting,
            Consumer<String> notices) {
        this.shell = shell;
        this.analysis = shell.sourceCodeAnalysis();
        this.control = control;
        this.interrupter = interrupter;
        this.places = places;
        this.ledger = ledger;
        this.held = new HeldValues(shell);
        this.failures = failures;
        this.forgetting = forgetting;
        this.notices = notices;
        this.origin = CodeOrigin.named("startup");
        control.beforeRun(this::remember);
    }

    /** The class loader of the code that ran last; before any ran, that of this class. */
    ClassLoader loader() {
        return loader;
    }

    void onValue(Consumer<@Nullable Object> action) {
        valueTaker = action;
    }

    void onThrown(Consumer<Throwable> action) {
        thrownTaker = action;
    }

    /** Runs one snippet. */
    CellValue eval(String source, CodeOrigin here, boolean isShown) throws CellFailure {
        CellFailure whole = broken;
        if (whole != null) {
            throw whole;
        }
        origin = here;
        forgetting.evaluated();
        List<SnippetEvent> events = compiled(here, () -> shell.eval(source));
        CellValue last = CellValue.NONE;
        for (SnippetEvent event : events) {
            if (event.causeSnippet() != null) {
                if (ledger.changed(event) && event.snippet() instanceof VarSnippet emptied) {
                    held.free(emptied);
                }
                if (event.status().isDefined()) {
                    places.put(event.snippet(), analysis.wrapper(event.snippet()));
                }
                continue;
            }
            Snippet snippet = event.snippet();
            places.put(snippet, here);
            places.put(snippet, analysis.wrapper(snippet));
            Captured captured = event.value() == null ? null : control.take(event.value());
            check(event, here);
            if (captured != null) {
                valueTaker.accept(captured.value());
                letGo(snippet, captured.value());
            }
            ledger.declared(snippet);
            failures.warnings(snippet).forEach(notices);
            last = isShown && captured != null && EXPRESSIONS.contains(snippet.subKind())
                    ? new CellValue(true, captured.value())
                    : CellValue.NONE;
        }
        return last;
    }

    private void letGo(Snippet snippet, @Nullable Object value) {
        if (snippet.subKind() != Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND) {
            return;
        }
        VarSnippet old = held.add((VarSnippet) snippet, value);
        if (old != null) {
            shell.drop(old);
        }
    }

    /** Forgets a declaration, and lets its value go. */
    void drop(Snippet snippet) {
        if (snippet instanceof VarSnippet variable) {
            held.free(variable);
        }
        if (shell.status(snippet).isActive()) {
            shell.drop(snippet).stream()
                    .filter(event -> event.snippet() != snippet)
                    .forEach(ledger::changed);
        }
    }

    /** Asks JShell, whose own failures become the cell's. */
    <T> T compiled(CodeOrigin here, Callable<T> question) throws CellFailure {
        try {
            return question.call();
        } catch (InternalError | StackOverflowError | AssertionError | RuntimeException e) {
            boolean isDeep =
                    String.valueOf(e.getMessage()).contains("StackOverflowError") || e instanceof StackOverflowError;
            CellFailure failure = isDeep
                    ? failures.engine(
                            "the code is nested too deeply for the compiler", "write it in smaller pieces", here)
                    : failures.engine("the Java compiler failed with " + e, "change the code, or " + RESTART, here);
            failure.initCause(e);
            renewCompiler(failure);
            throw failure;
        } catch (Exception e) {
            throw failures.engine("the Java engine failed with " + e, RESTART, here);
        }
    }

    /** Fails unless all that JShell says about a snippet is that it is in order. */
    private void check(SnippetEvent event, CodeOrigin here) throws CellFailure {
        Snippet snippet = event.snippet();
        JShellException exception = event.exception();
        Throwable thrown = exception == null ? null : control.takeThrown(exception.getMessage());
        if (thrown != null) {
            thrownTaker.accept(thrown);
        }
        Execution execution = interrupter.running();
        if (execution != null && execution.isCancelled()) {
            throw failures.interrupted(execution.reason(), thrown);
        }
        if (exception != null) {
            throw thrown == null
                    ? failures.engine("the code threw " + exception, RESTART, here)
                    : failures.threw(thrown);
        }
        boolean waits = snippet instanceof DeclarationSnippet declaration
                && shell.unresolvedDependencies(declaration).findAny().isPresent();
        switch (event.status()) {
            case VALID, RECOVERABLE_DEFINED -> {
                boolean hasRun = event.value() != null;
                boolean isMade = isImport(snippet)
                        || control.isLoaded(analysis.wrapper(snippet).fullClassName());
                if (isExecutable(snippet) ? !hasRun : !isMade) {
                    throw refused(snippet, failures.engine("the Java engine has not run this code", RESTART, here));
                }
            }
            case RECOVERABLE_NOT_DEFINED -> {
                if (!waits) { // the compiler gave up late, when it wrote the class
                    throw refused(snippet, failures.rejected(snippet));
                }
            }
            case REJECTED -> throw failures.rejected(snippet);
            default ->
                throw refused(snippet, failures.engine("JShell calls this code " + event.status(), RESTART, here));
        }
    }

    /**
     * After a late refusal the compiler keeps what it could not write, and would refuse everything from here on; so the
     * code is forgotten and the compiler made anew. Where that does not help, the session says so from then on.
     */
    private CellFailure refused(Snippet snippet, CellFailure failure) {
        if (snippet instanceof PersistentSnippet && shell.status(snippet).isActive()) {
            shell.drop(snippet);
        }
        renewCompiler(failure);
        return failure;
    }

    private void renewCompiler(CellFailure failure) {
        try {
            Path nothing = Files.createTempDirectory("skipgpt-kernel-");
            shell.addToClasspath(nothing.toString()); // JShell makes a compiler for each class path
            Files.delete(nothing);
        } catch (IOException e) {
            throw new UncheckedIOException("no folder for temporary files; check java.io.tmpdir", e);
        }
        boolean isWell = shell.eval(";").stream().allMatch(event -> event.value() != null && event.exception() == null);
        if (!isWell) {
            broken = failures.engine(
                    "the compiler of this session is broken since " + failure.getMessage(), RESTART, origin);
        }
    }

    /** Just before code runs: its frames must be known while it does. */
    private void remember(Method method) {
        loader = method.getDeclaringClass().getClassLoader();
        String id = SnippetPlaces.snippetId(method.getDeclaringClass());
        shell.snippets()
                .filter(snippet -> snippet.id().equals(id))
                .reduce((earlier, later) -> later)
                .ifPresent(snippet -> {
                    places.put(snippet, origin);
                    places.put(snippet, analysis.wrapper(snippet));
                    if (snippet instanceof VarSnippet variable) {
                        held.setting(variable, method.getDeclaringClass());
                    }
                });
    }

    private static boolean isImport(Snippet snippet) {
        return snippet.kind() == Snippet.Kind.IMPORT;
    }

    private static boolean isExecutable(Snippet snippet) {
        return snippet.subKind().isExecutable();
    }
}
