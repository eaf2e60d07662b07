package org.skipgpt.kernel;

import java.util.Locale;
import java.util.Map;

/** How much text a cell may print: a browser that is sent more stops answering. What is cut is said, its end is kept. */
final class OutputLimit {
    /** The environment variable: characters for each cell, 0 for no limit. */
    static final String VARIABLE = "SKIPGPT_OUTPUT_LIMIT";

    private static final long DEFAULT = 4_000_000;
    private static final int TAIL = 2_000;

    private final long max;
    private final StringBuilder tail = new StringBuilder();
    private long printed;
    private long cutChars;
    private long cutLines;

    private OutputLimit(long max) {
        this.max = max;
    }

    static OutputLimit of(Map<String, String> environment) {
        String text =
                environment.getOrDefault(VARIABLE, String.valueOf(DEFAULT)).strip();
        if (!text.matches("\\d{1,15}")) {
            throw new IllegalArgumentException(VARIABLE + " is '" + text
                    + "': expected a number of characters, 0 for no limit; correct it or unset it");
        }
        long max = Long.parseLong(text);
        return new OutputLimit(max == 0 ? Long.MAX_VALUE : max);
    }

    /** A cell begins, or its outputs were cleared. */
    void begin() {
        printed = 0;
        cutChars = 0;
        cutLines = 0;
        tail.setLength(0);
    }

    /** The part of a text that may still be sent. */
    String allowed(String text) {
        long room = max - printed;
        printed += text.length();
        if (text.length() <= room) {
            return text;
        }
        int end = (int) Math.max(0, room);
        String cut = text.substring(end);
        cutChars += cut.length();
        cutLines += cut.chars().filter(c -> c == '\n').count();
        tail.append(cut, Math.max(0, cut.length() - TAIL), cut.length());
        if (tail.length() > 2 * TAIL) {
            tail.delete(0, tail.length() - TAIL);
        }
        return text.substring(0, end);
    }

    /** What to say below the cell; empty where nothing was cut. */
    String end() {
        if (cutChars == 0) {
            return "";
        }
        String last = tail.substring(Math.max(0, tail.length() - TAIL));
        String note = String.format(
                Locale.ROOT,
                "%n[the cell printed %,d characters (%,d lines) more than the limit of %,d; %s sets it, 0 is none. The end:]%n%s%n",
                cutChars,
                cutLines,
                max,
                VARIABLE,
                last);
        cutChars = 0;
        return note;
    }
}
