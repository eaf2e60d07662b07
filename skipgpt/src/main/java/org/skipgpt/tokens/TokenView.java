package org.skipgpt.tokens;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.report.Report;

/**
 * The tokens of a text, shown as an aligned table of place, id and piece.
 *
 * @param text what was cut up
 * @param ids T ids, with the beginning mark where the family adds one
 * @param pieces T pieces as the vocabulary spells them
 */
public record TokenView(String text, List<Integer> ids, List<String> pieces) implements Report {
    private static final int ROWS = 23;
    private static final int WIDTH = 100;

    /** Copies the lists. */
    public TokenView {
        ids = List.copyOf(ids);
        pieces = List.copyOf(pieces);
    }

    /** The tokens that a model would be given for a text. */
    public static TokenView of(Tokenizer tokenizer, String text) {
        List<Integer> ids = new ArrayList<>();
        List<String> pieces = new ArrayList<>();
        for (int id : tokenizer.encodeWithBos(text)) {
            ids.add(id);
            pieces.add(tokenizer.piece(id));
        }
        return new TokenView(text, ids, pieces);
    }

    @Override
    public String text() {
        return "tokens of " + text.length() + " characters: " + table();
    }

    private String table() {
        int tokens = ids.size();
        int idWidth = width(ids.stream().map(String::valueOf).toList());
        int pieceWidth =
                Math.min(24, width(pieces.stream().map(TokenView::visible).toList()));
        int placeWidth = String.valueOf(tokens).length();
        int column = placeWidth + idWidth + pieceWidth + 5;
        int columns = Math.max(1, Math.min((tokens + ROWS - 1) / ROWS, (WIDTH + 2) / column));
        int shown = Math.min(tokens, columns * ROWS);
        int rows = (shown + columns - 1) / columns;
        StringBuilder out = new StringBuilder().append(tokens);
        for (int row = 0; row < rows; row++) {
            StringBuilder line = new StringBuilder();
            for (int at = row; at < shown; at += rows) {
                String cell = clip(visible(pieces.get(at)), pieceWidth);
                line.append(pad(String.valueOf(at), placeWidth, true)).append("  ");
                line.append(pad(String.valueOf(ids.get(at)), idWidth, true)).append(' ');
                line.append(pad(cell, pieceWidth, false)).append("  ");
            }
            out.append('\n').append(line.toString().stripTrailing());
        }
        if (shown < tokens) {
            out.append("\n… ").append(tokens - shown).append(" more");
        }
        return out.toString();
    }

    private static int width(List<String> cells) {
        return cells.stream().mapToInt(String::length).max().orElse(1);
    }

    private static String clip(String text, int width) {
        return text.length() <= width ? text : text.substring(0, width - 1) + "…";
    }

    private static String pad(String text, int width, boolean right) {
        String fill = " ".repeat(Math.max(0, width - text.length()));
        return right ? fill + text : text + fill;
    }

    // Pieces may hold line ends and other controls that would break the table.
    private static String visible(String piece) {
        StringBuilder out = new StringBuilder();
        piece.codePoints().forEach(c -> {
            if (c == '\n') {
                out.append("\\n");
            } else if (c == '\r') {
                out.append("\\r");
            } else if (c == '\t') {
                out.append("\\t");
            } else if (Character.isISOControl(c)) {
                out.append(String.format("\\x%02X", c));
            } else {
                out.appendCodePoint(c);
            }
        });
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
