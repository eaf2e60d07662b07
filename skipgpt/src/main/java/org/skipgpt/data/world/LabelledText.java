package org.skipgpt.data.world;

import java.util.List;

/**
 * A text whose stretches are labelled with their kind.
 *
 * <p>The spans are in order, do not overlap and cover every character but spaces; a space counts to the span after it when a
 * tokenizer joins the two.
 *
 * @param text the text
 * @param spans labelled stretches in characters (UTF-16 units) of {@code text}
 */
public record LabelledText(String text, List<Span> spans) {

    /** Copies the list. */
    public LabelledText {
        spans = List.copyOf(spans);
    }

    /**
     * One stretch.
     *
     * @param start first character
     * @param end one past the last character
     * @param kind what it is
     */
    public record Span(int start, int end, TokenKind kind) {}

    /**
     * The kind of the token which covers the given characters: that of the last span it touches.
     *
     * @param start first character of the token
     * @param end one past its last character
     * @return the kind; {@link TokenKind#PUNCTUATION} for a token of spaces only
     */
    public TokenKind kindOf(int start, int end) {
        int low = 0;
        int high = spans.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (spans.get(middle).start() < end) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == 0 || spans.get(low - 1).end() <= start) {
            return TokenKind.PUNCTUATION;
        }
        return spans.get(low - 1).kind();
    }
}
