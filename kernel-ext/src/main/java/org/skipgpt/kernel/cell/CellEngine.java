package org.skipgpt.kernel.cell;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.PersistentSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.VarSnippet;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.CellExecutionControl.Captured;
import org.skipgpt.kernel.cell.Interrupter.Execution;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/**
 * Runs Java code piece by piece in this JVM, with values as objects and with real interruption.
 *
 * <p>All code runs on one thread, see {@link SessionThread}; {@link #interrupt()} may be called from any other. Who uses
 * the compiler holds its lock, and user code runs without it, so that code may run code.
 */
public final class CellEngine implements AutoCloseable {
    private static final Set<Snippet.SubKind> EXPRESSIONS = EnumSet.of(
            Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND,
            Snippet.SubKind.VAR_VALUE_SUBKIND,
            Snippet.SubKind.ASSIGNMENT_SUBKIND,
            Snippet.SubKind.OTHER_EXPRESSION_SUBKIND);

    private static final Duration INDEX_PAUSE = Duration.ofMillis(50);
    private static final long LOCK_PAUSE_MILLIS = 100;
    private static final long LOCK_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final String STARTUP = "startup";
    private static final String RESTART = "restart the kernel to go on";

    private final ReentrantLock compiler = new ReentrantLock();
    private final SessionThread session = new SessionThread();
    private final CellExecutionControl control = new CellExecutionControl(compiler);
    private final Interrupter interrupter = new Interrupter(control, new GivingUp());
    private final SnippetPlaces places = new SnippetPlaces();
    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final Ledger ledger;
    private final HeldValues held;
    private final Failures failures;
    private final Consumer<String> notices;
    private final long timeoutMillis;
    private CodeOrigin origin = CodeOrigin.named(STARTUP); // of the snippet that is evaluated; guarded by the lock
    private volatile ClassLoader loader = CellEngine.class.getClassLoader();
    private volatile @Nullable CellFailure broken;
    private volatile Consumer<@Nullable Object> valueTaker = value -> {};
    private volatile Consumer<Throwable> thrownTaker = thrown -> {};

    /**
     * Starts an engine.
     *
     * @param compilerOptions options of {@code javac}, e.g. {@code -Xlint:all}
     * @param timeoutMillis limit for one cell; 0 for none
     * @param notices takes what the reader should know and is no failure, e.g. that a variable has lost its value
     */
    public CellEngine(List<String> compilerOptions, long timeoutMillis, Consumer<String> notices) {
        this.timeoutMillis = timeoutMillis;
        this.notices = notices;
        this.shell = JShell.builder()
                .executionEngine(new CellExecutionProvider(control), Map.of())
                .compilerOptions(compilerOptions.toArray(String[]::new))
                .build();
        this.analysis = shell.sourceCodeAnalysis();
        this.ledger = new Ledger(shell, places);
        this.held = new HeldValues(shell);
        this.failures = new Failures(shell, places, ledger);
        control.beforeRun(this::remember);
    }

    /** Work that runs as one execution and may be interrupted as one. */
    @FunctionalInterface
    public interface Body {
        /** Does the work. */
        CellValue run() throws Exception;
    }

    /** Runs a body as one execution; inside another execution it is part of that one. */
    public CellValue execute(Body body) throws Exception {
        if (interrupter.running() != null) {
            return body.run();
        }
        return session.call(() -> {
            Execution execution = interrupter.begin();
            try {
                if (timeoutMillis > 0) {
                    interrupter.interruptLater(
                            execution, timeoutMillis, "the time limit of " + timeoutMillis + " ms is over");
                }
                return body.run();
            } finally {
                if (interrupter.end(execution)) {
                    ledger.notices().forEach(notices);
                }
            }
        });
    }

    /**
     * Runs code.
     *
     * @throws CellFailure where it does not compile, throws, or is interrupted
     */
    public CellValue eval(String code, CodeOrigin place) throws CellFailure {
        CellValue last = CellValue.NONE;
        String rest = code;
        while (!rest.isBlank()) {
            failIfCancelled();
            CodeOrigin here = place.plusLines(newlines(code.substring(0, code.length() - rest.length())));
            acquire(here);
            try {
                String text = rest;
                CompletionInfo info = compiled(here, () -> analysis.analyzeCompletion(text));
                if (info.completeness() == SourceCodeAnalysis.Completeness.EMPTY) {
                    break;
                }
                boolean isWhole = info.completeness().isComplete();
                String remaining = isWhole ? Objects.requireNonNullElse(info.remaining(), "") : "";
                String consumed = rest.substring(0, rest.length() - remaining.length());
                // JShell counts lines wrongly where a snippet begins with empty ones.
                String source = (isWhole ? info.source() : rest).stripLeading();
                last = evalSnippet(
                        source,
                        here.plusLines(leadingLines(consumed)),
                        !consumed.stripTrailing().endsWith(";"));
                rest = remaining;
            } finally {
                release();
            }
        }
        return last;
    }

    /** Runs a line of code and reports whether it was valid; failures are no exceptions. */
    public boolean tryEval(String code) {
        try {
            eval(code, CodeOrigin.named(STARTUP));
            return true;
        } catch (CellFailure e) {
            return false;
        }
    }

    /** Ends the running execution: an interrupt now, a stop half a second later. */
    public void interrupt() {
        interrupter.interrupt("the cell was interrupted");
    }

    /** Adds a jar or a folder to what cells can use. */
    public void addToClasspath(String path) {
        withCompiler(() -> {
            shell.addToClasspath(path);
            return path;
        });
    }

    /** The class loader of cells, which knows the jars that were added; before any code ran, that of this class. */
    public ClassLoader loader() {
        return loader;
    }

    /** Nanoseconds that code has run so far; compiling it does not count. */
    public long ranNanos() {
        return control.ranNanos();
    }

    /** What can be said about code without running it; ask inside {@link #withCompiler}. */
    public SourceCodeAnalysis analysis() {
        return analysis;
    }

    /**
     * Asks the compiler something, while nobody else uses it.
     *
     * @throws IllegalStateException where a cell that was given up still holds it
     */
    public <T> T withCompiler(Supplier<T> question) {
        try {
            acquire(CodeOrigin.named("the kernel"));
        } catch (CellFailure e) {
            throw new IllegalStateException(e.value(), e);
        }
        try {
            return question.get();
        } finally {
            release();
        }
    }

    /**
     * Waits until {@link #analysis()} knows all packages: it lists them in the background, for a second or two after a
     * start and after each new jar.
     */
    public void awaitIndex(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        while (!analysis.listQualifiedNames("Object", "Object".length()).isUpToDate() && System.nanoTime() < end) {
            LockSupport.parkNanos(INDEX_PAUSE.toNanos());
        }
    }

    /** The variables, methods and types declared so far and still valid. */
    public Stream<Snippet> declarations() {
        return Stream.of(shell.variables(), shell.methods(), shell.types(), shell.imports())
                .flatMap(snippets -> snippets.map(Snippet.class::cast))
                .filter(snippet -> shell.status(snippet).isActive());
    }

    /** Why a declaration cannot be used or has no value; empty where all is well. */
    public Optional<String> remark(Snippet declaration) {
        return ledger.remark(declaration);
    }

    /** An exception that no cell can throw, because another thread did: its lines with places in cells. */
    public List<String> trace(String before, Throwable thrown) {
        return failures.trace(before, thrown, false);
    }

    /** Whether a thread belongs to a cell that was given up. */
    public static boolean isGivenUp(Thread thread) {
        return SessionThread.isGivenUp(thread);
    }

    @Override
    public void close() {
        shell.close();
    }

    /** Takes each value that code of a cell ends with, shown or not. */
    public void onValue(Consumer<@Nullable Object> action) {
        valueTaker = action;
    }

    /** Takes each exception that a cell is told to have failed with. */
    public void onThrown(Consumer<Throwable> action) {
        thrownTaker = action;
    }

    private CellValue evalSnippet(String source, CodeOrigin here, boolean isShown) throws CellFailure {
        CellFailure whole = broken;
        if (whole != null) {
            throw whole;
        }
        origin = here;
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
            ledger.dropped(old.name(), "only the last few results without a name are kept");
        }
    }

    /**
     * Forgets declarations, and lets their values go.
     *
     * @return how many there were
     */
    public int drop(Predicate<Snippet> which) {
        return withCompiler(() -> {
            List<Snippet> found = declarations()
                    .filter(snippet -> !isStartup(snippet) && which.test(snippet))
                    .toList();
            for (Snippet snippet : found) {
                if (snippet instanceof VarSnippet variable) {
                    held.free(variable);
                }
                if (shell.status(snippet).isActive()) {
                    shell.drop(snippet).stream()
                            .filter(event -> event.snippet() != snippet)
                            .forEach(ledger::changed);
                }
            }
            return found.size();
        });
    }

    /** Whether a declaration was there before the first cell, as the imports are that all cells begin with. */
    private boolean isStartup(Snippet snippet) {
        Place place = places.get(snippet.id());
        return place != null && place.origin().name().equals(STARTUP);
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

    /** Asks JShell, whose own failures become the cell's. */
    private <T> T compiled(CodeOrigin here, Callable<T> question) throws CellFailure {
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

    /** Just before code runs: its frames must be known while it does. */
    private void remember(Method method) {
        loader = method.getDeclaringClass().getClassLoader();
        String id = SnippetPlaces.snippetId(method.getDeclaringClass());
        shell.snippets().filter(snippet -> snippet.id().equals(id)).findFirst().ifPresent(snippet -> {
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

    private void acquire(CodeOrigin here) throws CellFailure {
        long end = System.nanoTime() + LOCK_LIMIT_NANOS;
        try {
            while (!compiler.tryLock(LOCK_PAUSE_MILLIS, TimeUnit.MILLISECONDS)) {
                failIfCancelled();
                if (System.nanoTime() - end > 0) {
                    throw failures.engine(
                            "the compiler is still busy with an earlier cell", "try again later, or " + RESTART, here);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failures.interrupted("interrupted while waiting for the compiler", null);
        }
    }

    private void release() {
        if (compiler.isHeldByCurrentThread()) {
            compiler.unlock();
        }
    }

    private void failIfCancelled() throws CellFailure {
        Execution execution = interrupter.running();
        if (execution != null && execution.isCancelled()) {
            throw failures.interrupted(execution.reason(), null);
        }
    }

    private static int leadingLines(String text) {
        return newlines(text.substring(0, text.length() - text.stripLeading().length()));
    }

    private static int newlines(String text) {
        return (int) text.chars().filter(c -> c == '\n').count();
    }

    /** What happens to a cell that nothing ends. */
    private final class GivingUp implements Interrupter.Stubborn {
        @Override
        public void tell(long secondsLeft) {
            notices.accept("Note: the cell does not end; it is in " + whereabouts() + ". It is left to itself in "
                    + secondsLeft + " s, or at another interrupt");
        }

        @Override
        public void giveUp(Execution execution) {
            String message =
                    execution.reason() + ", but did not end: it goes on in " + whereabouts() + " until the kernel is"
                            + " restarted. The next cells have a new thread: locks and ThreadLocals of the old one stay with it";
            control.forget(session.current());
            session.giveUp(new CellFailure("Interrupted", message, List.of(Ansi.bold("Interrupted") + ": " + message)));
        }

        private String whereabouts() {
            StackTraceElement[] trace = places.translated(session.current().getStackTrace());
            String inner = trace.length == 0 ? "native code" : trace[0].getClassName() + "." + trace[0].getMethodName();
            for (StackTraceElement frame : trace) {
                Place place = places.place(frame);
                if (place != null) {
                    String at = place.describe(frame.getLineNumber());
                    return frame.equals(trace[0]) ? at : inner + ", called at " + at;
                }
            }
            return inner;
        }
    }
}
