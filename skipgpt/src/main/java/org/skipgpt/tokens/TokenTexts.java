package org.skipgpt.tokens;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.report.Sha256;

/** Texts as token sequences, the way calibration and analyses read them. */
public final class TokenTexts {
    private TokenTexts() {}

    /**
     * One text in pieces of at most so many tokens, the beginning mark first where the family adds one; a last piece of
     * one token is dropped, since nothing is predicted in it.
     *
     * @param length tokens of a piece, 2 and more
     * @throws IllegalArgumentException if the text has fewer than two tokens
     */
    public static List<int[]> cut(Tokenizer tokenizer, String text, int length) {
        if (length < 2) {
            throw new IllegalArgumentException("pieces of " + length + " tokens are not allowed: expected 2 or more");
        }
        int[] ids = tokenizer.encodeWithBos(text);
        if (ids.length < 2) {
            throw new IllegalArgumentException("the text has " + ids.length + " tokens: give one of at least two");
        }
        List<int[]> pieces = new ArrayList<>();
        for (int from = 0; from + 1 < ids.length; from += length) {
            pieces.add(Arrays.copyOfRange(ids, from, Math.min(ids.length, from + length)));
        }
        return pieces;
    }

    /** How many texts and tokens, e.g. {@code "3 texts, 1536 tokens"}. */
    public static String describe(List<int[]> sequences) {
        long tokens = sequences.stream().mapToLong(ids -> ids.length).sum();
        return sequences.size() + (sequences.size() == 1 ? " text, " : " texts, ") + tokens + " tokens";
    }

    /** Identity of some sequences: the sum of their ids as text, a line each. */
    public static String hash(List<int[]> sequences) {
        StringBuilder all = new StringBuilder();
        sequences.forEach(ids -> all.append(Arrays.toString(ids)).append('\n'));
        return Sha256.of(all.toString());
    }
}
