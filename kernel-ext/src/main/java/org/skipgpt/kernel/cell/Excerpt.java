package org.skipgpt.kernel.cell;

import java.util.List;

/** A line of source with carets below a part of it; of a very long line, the piece around that part. */
final class Excerpt {
    private static final int WIDTH = 160;
    private static final String CUT = "...";

    private Excerpt() {}

    /**
     * The two lines.
     *
     * @param label stands before the source, e.g. {@code "3 | "}
     * @param line the line of source
     * @param from first marked character
     * @param to first character after the marked ones; at least one is marked
     */
    static List<String> of(String label, String line, int from, int to) {
        String text = line.replace("\t", " ");
        int start = Math.min(from, text.length());
        int first = text.length() <= WIDTH ? 0 : Math.max(0, Math.min(start - WIDTH / 2, text.length() - WIDTH));
        int last = Math.min(text.length(), first + WIDTH);
        String left = first > 0 ? CUT : "";
        String right = last < text.length() ? CUT : "";
        int marked = Math.max(1, Math.min(to, last) - start);
        return List.of(
                label + left + text.substring(first, last) + right,
                " ".repeat(label.length() + left.length() + start - first) + Ansi.red("^".repeat(marked)));
    }
}
