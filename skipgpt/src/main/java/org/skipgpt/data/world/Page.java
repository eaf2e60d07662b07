package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** A text under construction which labels every word it takes. */
final class Page {
    private static final Set<String> FUNCTION_WORDS = functionWords();

    private final StringBuilder text = new StringBuilder();
    private final List<LabelledText.Span> spans = new ArrayList<>();
    private final Set<String> told = new HashSet<>();
    private final boolean newswire;
    private boolean capital;

    /** An empty page of ordinary text. */
    Page() {
        this(false);
    }

    /** An empty page; newswire style is lower case, one sentence a line, without punctuation, with N for numbers. */
    Page(boolean newswire) {
        this.newswire = newswire;
    }

    /** The next letter will be upper case. */
    Page capital() {
        capital = true;
        return this;
    }

    /** Takes plain words and punctuation. */
    Page plain(String words) {
        int at = text.length();
        append(words);
        int i = at;
        while (i < text.length()) {
            int end = wordEnd(i);
            if (end > i) {
                boolean function =
                        FUNCTION_WORDS.contains(text.substring(i, end).toLowerCase(Locale.ROOT));
                span(i, end, function ? TokenKind.FUNCTION : TokenKind.CONTENT);
                i = end;
            } else {
                if (text.charAt(i) != ' ') {
                    span(i, i + 1, TokenKind.PUNCTUATION);
                }
                i++;
            }
        }
        return this;
    }

    /** Takes words which are all of one kind. */
    Page of(TokenKind kind, String words) {
        int at = text.length();
        append(words);
        int i = at;
        while (i < text.length()) {
            int end = text.indexOf(" ", i);
            end = end < 0 ? text.length() : end;
            if (end > i) {
                span(i, end, kind);
            }
            i = end + 1;
        }
        return this;
    }

    /** A space or line break between sentences, where one is needed. */
    Page gap() {
        if (text.length() > 0 && text.charAt(text.length() - 1) != '\n' && text.charAt(text.length() - 1) != ' ') {
            if (newswire) {
                return line();
            }
            text.append(' ');
        }
        return this;
    }

    /** Ends the line. */
    Page line() {
        while (text.length() > 0 && text.charAt(text.length() - 1) == ' ') {
            text.setLength(text.length() - 1);
        }
        return text.length() == 0 || text.charAt(text.length() - 1) == '\n' ? this : plain("\n");
    }

    /** Ends the paragraph. */
    Page paragraph() {
        line();
        boolean ended = text.length() < 2 || text.charAt(text.length() - 2) == '\n';
        return ended || newswire ? this : plain("\n");
    }

    /** Notes that something was told; true if it was told before. */
    boolean tell(String what) {
        return !told.add(what);
    }

    boolean isTold(String what) {
        return told.contains(what);
    }

    int words() {
        return (int) text.chars().filter(c -> c == ' ' || c == '\n').count();
    }

    boolean isEmpty() {
        return text.length() == 0;
    }

    LabelledText done() {
        int end = text.length();
        while (end > 0 && Character.isWhitespace(text.charAt(end - 1))) {
            end--;
        }
        int last = end;
        spans.removeIf(span -> span.start() >= last);
        return new LabelledText(text.substring(0, end), spans);
    }

    /** Whether the next word begins a sentence. */
    boolean startsSentence() {
        int i = text.length() - 1;
        while (i >= 0 && (text.charAt(i) == ' ' || text.charAt(i) == '"')) {
            i--;
        }
        return i < 0 || ".?!\n".indexOf(text.charAt(i)) >= 0;
    }

    private void append(String words) {
        if (newswire) {
            String lower = words.toLowerCase(Locale.ROOT);
            text.append(lower.replaceAll("[.,?!:;\"]", "").replaceAll("[0-9]+", "N"));
            return;
        }
        if (capital && !words.isEmpty()) {
            int letter = 0;
            while (letter < words.length() && !Character.isLetterOrDigit(words.charAt(letter))) {
                letter++;
            }
            if (letter < words.length()) {
                capital = false;
                text.append(words, 0, letter).append(Character.toUpperCase(words.charAt(letter)));
                text.append(words, letter + 1, words.length());
                return;
            }
        }
        text.append(words);
    }

    private int wordEnd(int from) {
        int i = from;
        while (i < text.length() && Character.isLetterOrDigit(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private void span(int start, int end, TokenKind kind) {
        spans.add(new LabelledText.Span(start, end, kind));
    }

    private static Set<String> functionWords() {
        Set<String> all = new HashSet<>();
        Tables.lines("function-words").forEach(line -> all.addAll(Tables.list(line, " ")));
        return Set.copyOf(all);
    }
}
