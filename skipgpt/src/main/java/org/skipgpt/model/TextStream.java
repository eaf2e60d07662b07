package org.skipgpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.skipgpt.data.Tokenizer;

/**
 * Turns tokens into text as they come.
 *
 * <p>A character spread over several tokens is given out once it is whole; a text that may become a stop text is held
 * back until it is clear.
 */
final class TextStream {
    /** Prompt tokens decoded together with new ones, so that spaces come out as inside a text. */
    private static final int CONTEXT = 6;

    private static final char BROKEN = '\uFFFD';

    private final Tokenizer tokenizer;
    private final List<String> stop;
    private final Consumer<String> out;
    private final StringBuilder text = new StringBuilder();
    private int[] window;
    private String before;
    private int given;
    private boolean stopped;

    TextStream(Tokenizer tokenizer, int[] prompt, List<String> stop, Consumer<String> out) {
        this.tokenizer = tokenizer;
        this.stop = stop;
        this.out = out;
        this.window = Arrays.copyOfRange(prompt, Math.max(0, prompt.length - CONTEXT), prompt.length);
        this.before = tokenizer.decode(window);
    }

    /** Adds a token; false once a stop text is complete. */
    boolean add(int token) {
        int known = window.length;
        window = Arrays.copyOf(window, known + 1);
        window[known] = token;
        String now = tokenizer.decode(window);
        boolean partial = !now.isEmpty() && now.charAt(now.length() - 1) == BROKEN;
        if (!partial) {
            accept(now);
            slide();
        }
        return !stopped;
    }

    private void accept(String now) {
        int from = text.length();
        text.append(now, Math.min(before.length(), now.length()), now.length());
        before = now;
        int end = -1;
        for (String s : stop) {
            int at = text.indexOf(s, Math.max(0, from - s.length() + 1));
            end = at >= 0 && (end < 0 || at < end) ? at : end;
        }
        if (end >= 0) {
            text.setLength(end);
            stopped = true;
        }
        give(stopped ? text.length() : text.length() - held());
    }

    // The longest end of the text that begins a stop text.
    private int held() {
        int longest = 0;
        for (String s : stop) {
            for (int n = Math.min(s.length() - 1, text.length()); n > longest; n--) {
                if (text.substring(text.length() - n).equals(s.substring(0, n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }

    private void give(int end) {
        if (end > given) {
            out.accept(text.substring(given, end));
            given = end;
        }
    }

    // Keeps the window short: the last tokens are enough to decode the next one.
    private void slide() {
        if (window.length > 4 * CONTEXT) {
            int[] shorter = Arrays.copyOfRange(window, window.length - CONTEXT, window.length);
            String decoded = tokenizer.decode(shorter);
            if (decoded.indexOf(BROKEN) < 0) {
                window = shorter;
                before = decoded;
            }
        }
    }

    /** Gives out what was held back and returns the whole text. */
    String finish() {
        if (!stopped) {
            String now = tokenizer.decode(window);
            text.append(now, Math.min(before.length(), now.length()), now.length());
            before = now;
            give(text.length());
        }
        return text.toString();
    }
}
