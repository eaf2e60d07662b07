package org.skipgpt.kernel.cell;

import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.CellExecutionControl.Captured;
import org.skipgpt.kernel.cell.Interrupter.Execution;

/**
 * Runs Java code piece by piece in this JVM, with values as objects and with real interruption.
 *
 * <p>One thread runs code; {@link #interrupt()} may be called from any other.
 */
public final class CellEngine implements AutoCloseable {
    private static final Set<Snippet.SubKind> EXPRESSIONS = EnumSet.of(
            Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND,
            Snippet.SubKind.VAR_VALUE_SUBKIND,
            Snippet.SubKind.ASSIGNMENT_SUBKIND,
            Snippet.SubKind.OTHER_EXPRESSION_SUBKIND);

    private static final Duration INDEX_PAUSE = Duration.ofMillis(50);

    private final CellExecutionControl control = new CellExecutionControl();
    private final Interrupter interrupter = new Interrupter(control);
    private final SnippetPlaces places = new SnippetPlaces();
    private final JShell shell;
    private final SourceCodeAnalysis analysis;
    private final Failures failures;
    private final long timeoutMillis;

    /**
     * Starts an engine.
     *
     * @param compilerOptions options of {@code javac}, e.g. {@code -Xlint:all}
     * @param timeoutMillis limit for one cell; 0 for none
     */
    public CellEngine(List<String> compilerOptions, long timeoutMillis) {
        this.timeoutMillis = timeoutMillis;
        this.shell = JShell.builder()
                .executionEngine(new CellExecutionProvider(control), Map.of())
                .compilerOptions(compilerOptions.toArray(String[]::new))
                .build();
        this.analysis = shell.sourceCodeAnalysis();
        this.failures = new Failures(shell, places);
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
        Execution execution = interrupter.begin();
        try {
            if (timeoutMillis > 0) {
                interrupter.interruptLater(
                        execution, timeoutMillis, "the time limit of " + timeoutMillis + " ms is over");
            }
            return body.run();
        } finally {
            interrupter.end(execution);
        }
    }

    /**
     * Runs code.
     *
     * @throws CellFailure where it does not compile, throws, or is interrupted
     */
    public CellValue eval(String code, CodeOrigin origin) throws CellFailure {
        CellValue last = CellValue.NONE;
        String rest = code;
        while (!rest.isBlank()) {
            failIfCancelled();
            CompletionInfo info = analysis.analyzeCompletion(rest);
            if (info.completeness() == SourceCodeAnalysis.Completeness.EMPTY) {
                break;
            }
            boolean isWhole = info.completeness().isComplete();
            String remaining = isWhole ? Objects.requireNonNullElse(info.remaining(), "") : "";
            String consumed = rest.substring(0, rest.length() - remaining.length());
            // JShell counts lines wrongly where a snippet begins with empty ones.
            String source = (isWhole ? info.source() : rest).stripLeading();
            int skipped = newlines(code.substring(0, code.length() - rest.length())) + leadingLines(consumed);
            last = evalSnippet(
                    source, origin.plusLines(skipped), !consumed.stripTrailing().endsWith(";"));
            rest = remaining;
        }
        return last;
    }

    /** Runs a line of code and reports whether it was valid; failures are no exceptions. */
    public boolean tryEval(String code) {
        try {
            eval(code, CodeOrigin.named("startup"));
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
        shell.addToClasspath(path);
    }

    /** Nanoseconds that code has run so far; compiling it does not count. */
    public long ranNanos() {
        return control.ranNanos();
    }

    /** What can be said about code without running it. */
    public SourceCodeAnalysis analysis() {
        return analysis;
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

    @Override
    public void close() {
        shell.close();
    }

    private CellValue evalSnippet(String source, CodeOrigin origin, boolean isShown) throws CellFailure {
        CellValue last = CellValue.NONE;
        for (SnippetEvent event : shell.eval(source)) {
            if (event.causeSnippet() != null) {
                continue; // an earlier declaration that this one changed
            }
            Snippet snippet = event.snippet();
            places.put(snippet.id(), origin, snippet.source());
            Captured captured = event.value() == null ? null : control.take(event.value());
            @Nullable JShellException exception = event.exception();
            Execution execution = interrupter.running();
            if (execution != null && execution.isCancelled()) {
                throw failures.interrupted(execution.reason(), exception);
            }
            if (event.status() == Snippet.Status.REJECTED) {
                throw failures.rejected(snippet);
            }
            if (exception != null) {
                throw failures.threw(exception);
            }
            last = isShown && captured != null && EXPRESSIONS.contains(snippet.subKind())
                    ? new CellValue(true, captured.value())
                    : CellValue.NONE;
        }
        return last;
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
