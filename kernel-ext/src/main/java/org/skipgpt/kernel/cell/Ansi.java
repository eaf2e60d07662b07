package org.skipgpt.kernel.cell;

/**
 * The colours of error messages: bold in the theme's own colour, and red for carets.
 *
 * <p>Front ends put errors on pink in a light theme and on dark red in a dark one; nothing else can be read on both.
 */
public final class Ansi {
    private static final String RESET = "\u001b[0m";

    private Ansi() {}

    /** Bold text. */
    public static String bold(String text) {
        return "\u001b[1m" + text + RESET;
    }

    /** Red text. */
    static String red(String text) {
        return "\u001b[31m" + text + RESET;
    }
}
