package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.UnresolvedReferenceException;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/**
 * Says what went wrong in a cell: where, with the line and a caret, and why, cause by cause.
 *
 * <p>Only bold, red and cyan are used besides the default colour: they can be read on light and on dark themes.
 */
final class Failures {
    private static final String BOLD_RED = "\u001b[1;31m";
    private static final String CYAN = "\u001b[36m";
    private static final String RED = "\u001b[31m";
    private static final String RESET = "\u001b[0m";
    private static final int MAX_FRAMES = 20;
    private static final int MAX_CAUSES = 8;

    private final JShell shell;
    private final SnippetPlaces places;

    Failures(JShell shell, SnippetPlaces places) {
        this.shell = shell;
        this.places = places;
    }

    /** The cell was stopped on request. */
    CellFailure interrupted(String reason, @Nullable JShellException where) {
        List<String> lines = new ArrayList<>();
        lines.add(BOLD_RED + "Interrupted" + RESET + ": " + reason);
        if (where != null) {
            lines.addAll(frames(where));
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
            lines.add(BOLD_RED + "CompileError" + RESET + ": " + message);
            lines.addAll(excerpt(snippet, 0, snippet.source().length()));
        }
        return new CellFailure("CompileError", message, lines);
    }

    /** The snippet threw. */
    CellFailure threw(JShellException exception) {
        List<String> lines = new ArrayList<>();
        List<Throwable> seen = new ArrayList<>();
        Throwable next = exception;
        while (next != null && seen.size() < MAX_CAUSES && !seen.contains(next)) {
            seen.add(next);
            String prefix = seen.size() == 1 ? "" : "Caused by: ";
            String message = message(next);
            lines.add(prefix + BOLD_RED + name(next) + RESET + (message.isEmpty() ? "" : ": " + message));
            lines.addAll(frames(next));
            next = next.getCause();
        }
        return new CellFailure(name(exception), message(exception), lines);
    }

    private List<String> diagnosis(Diag error, Snippet snippet) {
        List<String> lines = new ArrayList<>();
        List<String> message = error.getMessage(Locale.ROOT).lines().toList();
        lines.add(BOLD_RED + "CompileError" + RESET + ": " + message.get(0));
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
                CYAN + where + RESET,
                CYAN + number + " | " + RESET + text,
                " ".repeat(number.length() + 3 + from - lineStart) + RED + "^".repeat(to - from) + RESET);
    }

    private List<String> frames(Throwable exception) {
        List<String> lines = new ArrayList<>();
        boolean excerptShown = false;
        for (StackTraceElement frame : exception.getStackTrace()) {
            if (lines.size() >= MAX_FRAMES) {
                lines.add("    ... further frames left out");
                break;
            }
            Place place = place(frame);
            if (place == null) {
                if (!isPlumbing(frame)) {
                    lines.add("    at " + frame);
                }
                continue;
            }
            lines.add("    at " + CYAN + place.describe(frame.getLineNumber()) + RESET + method(frame));
            if (!excerptShown) {
                excerptShown = true;
                lines.addAll(marked(place, frame.getLineNumber()));
            }
        }
        return lines;
    }

    private static List<String> marked(Place place, int line) {
        String source = place.line(line).replace("\t", " ");
        String number = "       " + (place.origin().firstLine() + line - 1) + " | ";
        String stripped = source.strip();
        if (stripped.isEmpty()) {
            return List.of();
        }
        int indent = source.indexOf(stripped);
        return List.of(
                CYAN + number + RESET + source,
                " ".repeat(number.length() + indent) + RED + "^".repeat(stripped.length()) + RESET);
    }

    // JShell names the file of a snippet's frame by the snippet's id: "#12".
    private @Nullable Place place(StackTraceElement frame) {
        String file = frame.getFileName();
        return file == null || !file.startsWith("#") ? null : places.get(file.substring(1));
    }

    private static String method(StackTraceElement frame) {
        String name = frame.getMethodName();
        String type = frame.getClassName();
        if (name.isEmpty() || name.contains("do_it$")) {
            return "";
        }
        return " (" + (type.isEmpty() ? "" : type + ".") + name + ")";
    }

    private static boolean isPlumbing(StackTraceElement frame) {
        String type = frame.getClassName();
        return type.startsWith("jdk.internal.reflect.")
                || type.startsWith("java.lang.reflect.")
                || type.startsWith("REPL.$")
                || type.startsWith("org.skipgpt.kernel.cell.")
                || type.startsWith("jdk.jshell.");
    }

    private String name(Throwable exception) {
        if (exception instanceof EvalException thrown) {
            return thrown.getExceptionClassName();
        }
        return exception instanceof UnresolvedReferenceException
                ? "UnresolvedReference"
                : exception.getClass().getName();
    }

    private String message(Throwable exception) {
        if (exception instanceof UnresolvedReferenceException unresolved) {
            DeclarationSnippet snippet = unresolved.getSnippet();
            String missing =
                    String.join(", ", shell.unresolvedDependencies(snippet).toList());
            return "a declaration used here needs " + (missing.isEmpty() ? "corrections" : missing)
                    + "; declare it first";
        }
        return Objects.requireNonNullElse(exception.getMessage(), "");
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}
