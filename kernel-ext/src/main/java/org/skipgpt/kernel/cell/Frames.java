package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/** Writes stack traces: frames of cells with cell and line, the first of them with its source; plumbing left out. */
final class Frames {
    private static final int MAX_LINES = 20;

    private final SnippetPlaces places;

    Frames(SnippetPlaces places) {
        this.places = places;
    }

    /** How many frames a trace shares with the one it caused, counted from the outermost. */
    static int common(StackTraceElement[] cause, StackTraceElement[] above) {
        int same = 0;
        while (same < Math.min(cause.length, above.length)
                && cause[cause.length - 1 - same].equals(above[above.length - 1 - same])) {
            same++;
        }
        return same;
    }

    /**
     * The lines of a trace.
     *
     * @param trace the innermost frame first
     * @param leftOut outermost frames that the lines above have already
     */
    List<String> of(StackTraceElement[] trace, int leftOut) {
        List<String> lines = new ArrayList<>();
        boolean isMarked = false;
        String before = "";
        int at = 0;
        while (at < trace.length - leftOut) {
            if (lines.size() >= MAX_LINES) {
                lines.add("    ... further frames left out");
                return lines;
            }
            StackTraceElement frame = trace[at];
            int repeats = repeats(trace, at, trace.length - leftOut);
            at += 1 + repeats;
            Place place = places.place(frame);
            if (place == null && isPlumbing(frame)) {
                continue;
            }
            String line = "    at " + (place == null ? frame : describe(place, frame));
            if (line.equals(before)) {
                continue; // JShell puts several methods around one line
            }
            before = line;
            lines.add(line);
            if (place != null && !isMarked) {
                isMarked = true;
                lines.addAll(marked(place, frame.getLineNumber()));
            }
            if (repeats > 0) {
                lines.add("    ... the same " + repeats + (repeats == 1 ? " more time" : " more times"));
            }
        }
        if (leftOut > 0) {
            lines.add("    ... and on as above");
        }
        return lines;
    }

    /** How often the same frame follows itself, as in a recursion. */
    private static int repeats(StackTraceElement[] trace, int at, int end) {
        int next = at + 1;
        while (next < end && trace[next].equals(trace[at])) {
            next++;
        }
        return next - at - 1;
    }

    private static String describe(Place place, StackTraceElement frame) {
        return Ansi.bold(place.describe(frame.getLineNumber())) + method(frame);
    }

    private static List<String> marked(Place place, int line) {
        String source = place.line(line);
        String stripped = source.strip();
        if (stripped.isEmpty()) {
            return List.of();
        }
        int indent = source.indexOf(stripped);
        return Excerpt.of(
                "       " + (place.origin().firstLine() + line - 1) + " | ",
                source,
                indent,
                indent + stripped.length());
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
                || type.startsWith("org.skipgpt.kernel.magic.")
                || type.startsWith("jdk.jshell.");
    }
}
