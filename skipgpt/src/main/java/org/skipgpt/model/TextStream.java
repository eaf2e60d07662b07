package org.skipgpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.skipgpt.tokens.Tokenizer;

/**
 * Turns tokens into text as they come.
 *
 * <p>A character spread over several tokens is given out once it is whole, also where the prompt ends inside it; a text
 * that may become a stop text is held back until it is clear.
 */
final class TextStream {
    /** Tokens before new ones that are decoded together with them, so that spaces come out as inside a text. */
    private static final int CONTEXT = 6;

    /** Most tokens of one character but one: UTF-8 has up to four bytes. */
    private static final int PARTS = 3;

    private static final char BROKEN = '\uFFFD';

    private final Tokenizer tokenizer;
    private final List<String> stop;
    private final Consumer<String> out;
    private final StringBuilder text = new StringBuilder();
    private int[] window;
    private String before; // the window's text as it was last looked at
    private int known; // characters of it that are whole and in prompt or text
    private int given;
    private boolean stopped;

    TextStream(Tokenizer tokenizer, int[] prompt, List<String> stop, Consumer<String> out) {
        this.tokenizer = tokenizer;
        this.stop = stop;
        this.out = out;
        this.window = last(prompt, CONTEXT);
        this.before = tokenizer.decode(window);
        this.known = whole(before);
        open(prompt);
    }

    // Some tokenizers decode no character near a broken one, so both ends of the window should be whole.
    private void open(int[] prompt) {
        for (int more = 0; more <= PARTS; more++) {
            int[] tokens = last(prompt, CONTEXT + more);
            for (int less = 0; less <= Math.min(PARTS, tokens.length); less++) {
                String start = tokenizer.decode(Arrays.copyOf(tokens, tokens.length - less));
                if (start.indexOf(BROKEN) < 0) {
                    window = tokens;
                    before = less == 0 ? start : tokenizer.decode(tokens);
                    known = start.length();
                    return;
                }
            }
        }
    }

    private static int[] last(int[] tokens, int count) {
        return Arrays.copyOfRange(tokens, Math.max(0, tokens.length - count), tokens.length);
    }

    /** How many characters stand before an end that may become a character. */
    private static int whole(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == BROKEN) {
            end--;
        }
        return end;
    }

    /** Adds a token; false once a stop text is complete. */
    boolean add(int token) {
        window = Arrays.copyOf(window, window.length + 1);
        window[window.length - 1] = token;
        String now = tokenizer.decode(window);
        int end = whole(now);
        accept(now, end);
        if (end == now.length()) {
            slide();
        }
        return !stopped;
    }

    /** Takes over what is new in the window's text, up to some place. */
    private void accept(String now, int end) {
        int from = Math.max(common(before, now), known);
        if (from >= end) {
            return;
        }
        int old = text.length();
        text.append(now, from, end);
        before = now.substring(0, end);
        known = end;
        cut(old);
        give(stopped ? text.length() : text.length() - held());
    }

    /** How long two texts are the same. */
    private static int common(String a, String b) {
        int n = 0;
        while (n < Math.min(a.length(), b.length()) && a.charAt(n) == b.charAt(n)) {
            n++;
        }
        return n;
    }

    // Ends the text before the first stop text that reaches beyond its old end.
    private void cut(int old) {
        int end = -1;
        for (String s : stop) {
            int at = text.indexOf(s, Math.max(0, old - s.length() + 1));
            end = at >= 0 && (end < 0 || at < end) ? at : end;
        }
        if (end >= 0) {
            text.setLength(end);
            stopped = true;
        }
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
        if (window.length <= 4 * CONTEXT) {
            return;
        }
        for (int more = 0; more <= PARTS; more++) {
            int[] shorter = last(window, CONTEXT + more);
            String decoded = tokenizer.decode(shorter);
            if (decoded.indexOf(BROKEN) < 0) {
                window = shorter;
                before = decoded;
                known = decoded.length();
                return;
            }
        }
    }

    /** Gives out what was held back and returns the whole text. */
    String finish() {
        if (!stopped) {
            String now = tokenizer.decode(window);
            accept(now, now.length());
            give(text.length());
        }
        return text.toString();
    }
}
