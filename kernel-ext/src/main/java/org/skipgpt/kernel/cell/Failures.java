package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import jdk.jshell.Diag;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.spi.SPIResolutionException;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/** Says what went wrong in a cell: where, with the line and a caret, and why, cause by cause. */
final class Failures {
    private static final int MAX_THROWN = 12;
    private static final int MAX_MESSAGE = 20_000; // characters

    private final JShell shell;
    private final SnippetPlaces places;
    private final Frames frames;
    private final Ledger ledger;

    Failures(JShell shell, SnippetPlaces places, Ledger ledger) {
        this.shell = shell;
        this.places = places;
        this.frames = new Frames(places);
        this.ledger = ledger;
    }

    /** The cell was stopped on request. */
    CellFailure interrupted(String reason, @Nullable Throwable where) {
        List<String> lines = new ArrayList<>();
        lines.add(Ansi.bold("Interrupted") + ": " + reason);
        if (where != null) {
            lines.addAll(frames.of(places.untilCell(places.translated(where.getStackTrace())), 0));
        }
        return new CellFailure("Interrupted", reason, lines);
    }

    /** The engine itself did not do its work; {@code advice} says what the reader can do. */
    CellFailure engine(String problem, String advice, CodeOrigin origin) {
        String message = problem + "; " + advice;
        String place = Ansi.bold(origin.name() + ", line " + origin.firstLine());
        return new CellFailure(
                "EngineError", message, List.of(Ansi.bold("EngineError") + ": " + message, "    at " + place));
    }

    /** The snippet did not compile. */
    CellFailure rejected(Snippet snippet) {
        List<String> lines = new ArrayList<>();
        List<Diag> errors = shell.diagnostics(snippet).filter(Diag::isError).toList();
        for (Diag error : errors) {
            lines.addAll(diagnosis("CompileError", error, snippet));
            ledger.hint(named(error, snippet)).ifPresent(lines::add);
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

    /** What the compiler said of a snippet that it took all the same. */
    List<String> warnings(Snippet snippet) {
        return shell.diagnostics(snippet)
                .filter(warning -> !warning.isError())
                .map(warning -> String.join("\n", diagnosis("Warning", warning, snippet)))
                .toList();
    }

    /** The code threw. */
    CellFailure threw(Throwable thrown) {
        return new CellFailure(name(thrown), message(thrown), trace("", thrown, true));
    }

    /**
     * The lines of an exception with all that it carries.
     *
     * @param before text before the exception's name
     * @param isCell whether the frames below the reader's outermost one are the kernel's and of no interest
     */
    List<String> trace(String before, Throwable thrown, boolean isCell) {
        List<String> lines = new ArrayList<>();
        add(
                lines,
                before,
                "",
                thrown,
                new StackTraceElement[0],
                isCell,
                Collections.newSetFromMap(new IdentityHashMap<>()));
        return lines;
    }

    private void add(
            List<String> lines,
            String before,
            String indent,
            Throwable thrown,
            StackTraceElement[] above,
            boolean isCell,
            Set<Throwable> seen) {
        String message = message(thrown);
        String title = indent + before + Ansi.bold(name(thrown)) + (message.isEmpty() ? "" : ": " + message);
        if (!seen.add(thrown)) {
            lines.add(title + " (shown above: these exceptions name each other as their causes)");
            return;
        }
        if (seen.size() > MAX_THROWN) {
            lines.add(indent + "... further exceptions left out");
            return;
        }
        lines.add(title);
        StackTraceElement[] trace = places.translated(stackTrace(thrown));
        int common = Frames.common(trace, above);
        StackTraceElement[] shown = isCell ? places.untilCell(trace) : trace;
        int isBelow = trace.length - shown.length;
        frames.of(shown, Math.max(0, common - isBelow)).forEach(line -> lines.add(indent + line));
        for (Throwable suppressed : thrown.getSuppressed()) {
            add(lines, "Suppressed: ", indent + "    ", suppressed, trace, isCell, seen);
        }
        Throwable cause = cause(thrown);
        if (cause != null) {
            add(lines, "Caused by: ", indent, cause, trace, isCell, seen);
        }
    }

    private List<String> diagnosis(String kind, Diag error, Snippet snippet) {
        List<String> lines = new ArrayList<>();
        List<String> message = error.getMessage(Locale.ROOT).lines().toList();
        lines.add(Ansi.bold(kind) + ": " + firstLine(SnippetPlaces.unwrapped(error.getMessage(Locale.ROOT))));
        // The location is always the class JShell wraps around the snippet.
        message.stream()
                .skip(1)
                .filter(line -> !line.strip().startsWith("location:"))
                .map(SnippetPlaces::unwrapped)
                .forEach(lines::add);
        lines.addAll(excerpt(snippet, (int) error.getStartPosition(), (int) error.getEndPosition()));
        return lines;
    }

    /** The piece of source that an error points at. */
    private static String named(Diag error, Snippet snippet) {
        String source = snippet.source();
        int start = (int) Math.max(0, Math.min(error.getStartPosition(), source.length()));
        int end = (int) Math.max(start, Math.min(error.getEndPosition(), source.length()));
        return source.substring(start, end);
    }

    /** The source line that holds a position, and carets below it. */
    private List<String> excerpt(Snippet snippet, int start, int end) {
        String source = snippet.source();
        int from = Math.max(0, Math.min(start, source.length()));
        int lineStart = source.lastIndexOf('\n', from - 1) + 1;
        int lineEnd = source.indexOf('\n', from) < 0 ? source.length() : source.indexOf('\n', from);
        int line = (int) source.substring(0, lineStart)
                        .chars()
                        .filter(c -> c == '\n')
                        .count()
                + 1;
        Place place = places.get(snippet.id());
        String where = place == null ? "line " + line : place.describe(line);
        String number = String.valueOf(place == null ? line : place.origin().firstLine() + line - 1);
        List<String> lines = new ArrayList<>(List.of(Ansi.bold(where)));
        lines.addAll(Excerpt.of(
                number + " | ",
                source.substring(lineStart, lineEnd),
                from - lineStart,
                Math.min(end, lineEnd) - lineStart));
        return lines;
    }

    private String name(Throwable thrown) {
        return thrown instanceof SPIResolutionException
                ? "UnresolvedReference"
                : SnippetPlaces.unwrapped(thrown.getClass().getName());
    }

    private String message(Throwable thrown) {
        if (thrown instanceof SPIResolutionException) {
            return unresolved(thrown);
        }
        String unwrapped = SnippetPlaces.unwrapped(ThrownMessage.of(thrown));
        return unwrapped.length() <= MAX_MESSAGE
                ? unwrapped
                : unwrapped.substring(0, MAX_MESSAGE) + "... (" + unwrapped.length() + " characters)";
    }

    // JShell lets code in whose names are not there yet, and throws where they are used.
    private String unresolved(Throwable thrown) {
        for (StackTraceElement frame : places.translated(stackTrace(thrown))) {
            Place place = places.place(frame);
            if (place != null) {
                return places.snippet(place)
                        .flatMap(ledger::waiting)
                        .orElse("a declaration used here needs corrections");
            }
        }
        return "a declaration used here needs others that are not there; declare them first";
    }

    private static @Nullable Throwable cause(Throwable thrown) {
        try {
            return thrown.getCause();
        } catch (RuntimeException | Error e) {
            return e;
        }
    }

    private static StackTraceElement[] stackTrace(Throwable thrown) {
        try {
            StackTraceElement[] trace = thrown.getStackTrace();
            return trace == null ? new StackTraceElement[0] : trace;
        } catch (RuntimeException | Error e) {
            return new StackTraceElement[0];
        }
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}
