package org.skipgpt.kernel.cell;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
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
    /** The option of {@code java} by which a session forgets what JShell keeps of cells that are over. */
    public static final String SHELL_OPTION = ShellState.OPTION;

    private static final Duration INDEX_PAUSE = Duration.ofMillis(50);
    private static final long LOCK_PAUSE_MILLIS = 100;
    private static final long LOCK_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final String STARTUP = "startup";
    private static final ScheduledThreadPoolExecutor AFTER_REPLY = DaemonTimer.start("kernel-index");

    private final ReentrantLock compiler = new ReentrantLock();
    private final SessionThread session = new SessionThread();
    private final SnippetLoader loader = new SnippetLoader();
    private final CellExecutionControl control = new CellExecutionControl(compiler, loader);
    private final SnippetPlaces places = new SnippetPlaces();
    private final Interrupter interrupter;
    private final JShell shell;
    private final CellFiles files;
    private final SourceCodeAnalysis analysis;
    private final Ledger ledger;
    private final Failures failures;
    private final SnippetRunner runner;
    private final Forgetting forgetting;
    private final Consumer<String> notices;
    private final long timeoutMillis;

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
        this.interrupter = new Interrupter(control, new GivingUp(session, control, places, notices));
        boolean hasPlugins = compilerOptions.stream().anyMatch(option -> option.startsWith("-Xplugin"));
        CompletableFuture<ClassPath> classPath = CompletableFuture.supplyAsync(
                () -> new ClassPath(System.getProperty("java.class.path")), CellEngine::inBackground);
        AtomicReference<CellFiles> made = new AtomicReference<>();
        this.shell = JShell.builder()
                .fileManager(standard -> {
                    CellFiles own = new CellFiles(standard, classPath, hasPlugins, compiler::isHeldByCurrentThread);
                    made.set(own);
                    return own;
                })
                .executionEngine(new CellExecutionProvider(control), Map.of())
                .compilerOptions(compilerOptions.toArray(String[]::new))
                .build();
        this.files = Objects.requireNonNull(made.get(), "JShell asks for its files as it is made");
        this.analysis = shell.sourceCodeAnalysis();
        this.ledger = new Ledger(shell, places);
        this.failures = new Failures(shell, places, ledger);
        this.forgetting = new Forgetting(shell, loader, places);
        this.runner = new SnippetRunner(shell, control, interrupter, places, ledger, failures, forgetting, notices);
    }

    private static void inBackground(Runnable work) {
        Thread thread = new Thread(work, "kernel-jars");
        thread.setDaemon(true);
        thread.start();
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
                    forget();
                }
                Future<?> unused = AFTER_REPLY.schedule(files::allowIndex, 1, TimeUnit.SECONDS);
            }
        });
    }

    // Between two executions no snippet is on its way. Where a cell that was given up has the compiler, it waits.
    private void forget() {
        if (compiler.tryLock()) {
            try {
                forgetting.forgetSome();
            } finally {
                compiler.unlock();
            }
        }
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
                CompletionInfo info = runner.compiled(here, () -> analysis.analyzeCompletion(text));
                if (info.completeness() == SourceCodeAnalysis.Completeness.EMPTY) {
                    break;
                }
                boolean isWhole = info.completeness().isComplete();
                String remaining = isWhole ? Objects.requireNonNullElse(info.remaining(), "") : "";
                String consumed = rest.substring(0, rest.length() - remaining.length());
                // JShell counts lines wrongly where a snippet begins with empty ones.
                String source = (isWhole ? info.source() : rest).stripLeading();
                last = runner.eval(
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

    /**
     * Imports many packages in the time of one. JShell puts the source of an import before other code as it is, which may
     * hold several; its documentation promises that for one only, so where the probe fails each line is run for itself.
     *
     * <p>JShell knows such a piece by its first import, and lets a later import of the same name take its place; so
     * {@link ManyImports}, which no cell imports, comes first. Imports of a single name, which a cell may take the place
     * of, are run for themselves.
     *
     * @param lines the imports
     * @param probe a statement that compiles only where the last package of them is there; it is run
     * @return the lines that name what is not there
     */
    public List<String> importAll(List<String> lines, String probe) {
        List<String> packages =
                lines.stream().filter(line -> line.endsWith(".*;")).toList();
        boolean areAllThere = withCompiler(() -> {
            try {
                String all = ManyImports.LINE + "\n" + String.join("\n", packages);
                runner.eval(all, CodeOrigin.named(STARTUP), false);
                return true;
            } catch (CellFailure e) {
                return false;
            }
        });
        boolean isProven = areAllThere && tryEval(probe);
        return lines.stream()
                .filter(line -> !(isProven && line.endsWith(".*;")) && !tryEval(line))
                .toList();
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

    /** What cells can use. */
    public ClassPath classPath() {
        return files.classPath();
    }

    /** The class loader of cells, which knows the jars that were added; before any code ran, that of this class. */
    public ClassLoader loader() {
        return runner.loader();
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
        files.allowIndex();
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

    /** The variables with their values, in the order of their declaration; no code of cells runs for it. */
    public List<SessionVariable> variables() {
        return withCompiler(() -> shell.variables()
                .filter(variable -> shell.status(variable).isActive()
                        && variable.subKind() != Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND)
                .map(this::variable)
                .toList());
    }

    private SessionVariable variable(VarSnippet variable) {
        boolean isValid = shell.status(variable) == Snippet.Status.VALID;
        Captured captured = isValid ? control.take(shell.varValue(variable)) : null;
        return new SessionVariable(
                variable.name(),
                variable.typeName(),
                captured == null ? null : captured.value(),
                ledger.remark(variable));
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
        runner.onValue(action);
    }

    /** Takes each exception that a cell is told to have failed with. */
    public void onThrown(Consumer<Throwable> action) {
        runner.onThrown(action);
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
            found.forEach(runner::drop);
            return found.size();
        });
    }

    /** Whether a declaration was there before the first cell, as the imports are that all cells begin with. */
    private boolean isStartup(Snippet snippet) {
        Place place = places.get(snippet.id());
        return place != null && place.origin().name().equals(STARTUP);
    }

    private void acquire(CodeOrigin here) throws CellFailure {
        long end = System.nanoTime() + LOCK_LIMIT_NANOS;
        try {
            while (!compiler.tryLock(LOCK_PAUSE_MILLIS, TimeUnit.MILLISECONDS)) {
                failIfCancelled();
                if (System.nanoTime() - end > 0) {
                    throw failures.engine(
                            "the compiler is still busy with an earlier cell",
                            "try again later, or restart the kernel to go on",
                            here);
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
}
