package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.UnresolvedReferenceException;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/** Says what went wrong in a cell: where, with the line and a caret, and why, cause by cause. */
final class Failures {
    private static final int MAX_CAUSES = 8;

    // JShell wraps a class around each snippet: "REPL.$JShell$26$MyException" is the reader's MyException
    private static final Pattern WRAPPER = Pattern.compile("REPL\\.\\$JShell\\$\\d+[A-Z]*[.$]");

    private final JShell shell;
    private final SnippetPlaces places;
    private final Frames frames;

    Failures(JShell shell, SnippetPlaces places) {
        this.shell = shell;
        this.places = places;
        this.frames = new Frames(places);
    }

    /** The cell was stopped on request. */
    CellFailure interrupted(String reason, @Nullable JShellException where) {
        List<String> lines = new ArrayList<>();
        lines.add(Ansi.bold("Interrupted") + ": " + reason);
        if (where != null) {
            lines.addAll(frames.of(where.getStackTrace(), 0));
        }
        return new CellFailure("Interrupted", reason, lines);
    }

    /** The snippet did not compile. */
    CellFailure rejected(Snippet snippet) {
        List<String> lines = new ArrayList<>();
        List<Diag> errors = shell.diagnostics(snippet).filter(Diag::isError).toList();
        for (Diag error : errors) {
            lines.addAll(diagnosis(error, snippet));
        }
        String message = errors.isEmpty()
                ? "this is no Java code"
                : firstLine(errors.get(0).getMessage(Locale.ROOT));
        if (lines.isEmpty()) {
            lines.add(Ansi.bold("CompileError") + ": " + message);
            lines.addAll(excerpt(snippet, 0, snippet.source().length()));
        }
        return new CellFailure("CompileError", message, lines);
    }

    /** The snippet threw. */
    CellFailure threw(JShellException exception) {
        List<String> lines = new ArrayList<>();
        List<Throwable> seen = new ArrayList<>();
        StackTraceElement[] above = {};
        Throwable next = exception;
        while (next != null && seen.size() < MAX_CAUSES && !seen.contains(next)) {
            seen.add(next);
            String prefix = seen.size() == 1 ? "" : "Caused by: ";
            String message = message(next);
            lines.add(prefix + Ansi.bold(name(next)) + (message.isEmpty() ? "" : ": " + message));
            StackTraceElement[] trace = next.getStackTrace();
            lines.addAll(frames.of(trace, Frames.common(trace, above)));
            above = trace;
            next = next.getCause();
        }
        return new CellFailure(name(exception), message(exception), lines);
    }

    private List<String> diagnosis(Diag error, Snippet snippet) {
        List<String> lines = new ArrayList<>();
        List<String> message = error.getMessage(Locale.ROOT).lines().toList();
        lines.add(Ansi.bold("CompileError") + ": " + message.get(0));
        // The location is always the class JShell wraps around the snippet.
        message.stream()
                .skip(1)
                .filter(line -> !line.strip().startsWith("location:"))
                .forEach(lines::add);
        lines.addAll(excerpt(snippet, (int) error.getStartPosition(), (int) error.getEndPosition()));
        return lines;
    }

    /** The source line that holds a position, and carets below it. */
    private List<String> excerpt(Snippet snippet, int start, int end) {
        String source = snippet.source();
        int from = Math.max(0, Math.min(start, source.length()));
        int lineStart = source.lastIndexOf('\n', from - 1) + 1;
        int lineEnd = source.indexOf('\n', from) < 0 ? source.length() : source.indexOf('\n', from);
        int to = Math.max(from + 1, Math.min(end, lineEnd));
        int line = (int) source.substring(0, lineStart)
                        .chars()
                        .filter(c -> c == '\n')
                        .count()
                + 1;
        Place place = places.get(snippet.id());
        String where = place == null ? "line " + line : place.describe(line);
        String number = String.valueOf(place == null ? line : place.origin().firstLine() + line - 1);
        String text = source.substring(lineStart, lineEnd).replace("\t", " ");
        return List.of(
                Ansi.bold(where),
                number + " | " + text,
                " ".repeat(number.length() + 3 + from - lineStart) + Ansi.red("^".repeat(to - from)));
    }

    private String name(Throwable exception) {
        if (exception instanceof EvalException thrown) {
            return unwrapped(thrown.getExceptionClassName());
        }
        return exception instanceof UnresolvedReferenceException
                ? "UnresolvedReference"
                : unwrapped(exception.getClass().getName());
    }

    private String message(Throwable exception) {
        if (exception instanceof UnresolvedReferenceException unresolved) {
            DeclarationSnippet snippet = unresolved.getSnippet();
            String missing =
                    String.join(", ", shell.unresolvedDependencies(snippet).toList());
            return "a declaration used here needs " + (missing.isEmpty() ? "corrections" : missing)
                    + "; declare it first";
        }
        return unwrapped(Objects.requireNonNullElse(exception.getMessage(), ""));
    }

    private static String unwrapped(String text) {
        return WRAPPER.matcher(text).replaceAll("");
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}
