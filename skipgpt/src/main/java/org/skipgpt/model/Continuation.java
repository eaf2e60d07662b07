package org.skipgpt.model;

import java.util.Arrays;

/**
 * The continuation of one prompt.
 *
 * @param text new text, without the prompt and without a stop text
 * @param tokens new token ids; an end-of-text token is the last of them
 * @param promptTokens length of the prompt in tokens
 * @param stopped why it ended
 */
public record Continuation(String text, int[] tokens, int promptTokens, StopReason stopped) {
    @Override
    public boolean equals(Object other) {
        return other instanceof Continuation c
                && text.equals(c.text)
                && Arrays.equals(tokens, c.tokens)
                && promptTokens == c.promptTokens
                && stopped == c.stopped;
    }

    @Override
    public int hashCode() {
        return text.hashCode() * 31 + Arrays.hashCode(tokens);
    }

    @Override
    public String toString() {
        return text;
    }
}
