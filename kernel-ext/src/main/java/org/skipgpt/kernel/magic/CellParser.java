package org.skipgpt.kernel.magic;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.skipgpt.kernel.magic.CellPart.CellMagic;
import org.skipgpt.kernel.magic.CellPart.Code;
import org.skipgpt.kernel.magic.CellPart.LineMagic;

/** Splits a cell into Java code and magics. Percent signs in strings, text blocks and comments are no magics. */
public final class CellParser {
    /** What begins and ends a text block. */
    static final String TEXT_BLOCK = "\"\"\"";

    private static final Pattern CELL_MAGIC =
            Pattern.compile("\\s*%%([A-Za-z_]\\w*)[ \\t]*([^\\n]*)(?:\\n(.*))?", Pattern.DOTALL);
    private static final Pattern LINE_MAGIC = Pattern.compile("\\s*%([A-Za-z_]\\w*)(?:\\s+(.*))?");
    private static final Pattern ASSIGNED =
            Pattern.compile("([^%\"'=]*[\\w>\\]]\\s*=\\s*)%([A-Za-z_]\\w*)(?:\\s+(.*))?");
    private static final Pattern WORD = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"|'([^']*)'|((?:\\\\\\s|\\S)+)");

    private CellParser() {}

    /** The parts in order. */
    public static List<CellPart> parse(String source) {
        Matcher whole = CELL_MAGIC.matcher(source);
        if (whole.matches()) {
            String body = whole.group(3) == null ? "" : whole.group(3);
            int newlines = (int) source.substring(0, source.length() - body.length())
                    .chars()
                    .filter(c -> c == '\n')
                    .count();
            int line = whole.group(3) == null ? newlines + 1 : newlines; // a body that is missing would begin below
            return List.of(new CellMagic(whole.group(1), whole.group(2).strip(), body, line));
        }
        List<CellPart> parts = new ArrayList<>();
        List<String> code = new ArrayList<>();
        Lexer lexer = new Lexer();
        String[] lines = source.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            Matcher magic = LINE_MAGIC.matcher(lines[i]);
            if (lexer.isOutside() && magic.matches()) {
                flush(code, i, parts);
                parts.add(new LineMagic(
                        magic.group(1),
                        magic.group(2) == null ? "" : magic.group(2).strip(),
                        i));
                continue;
            }
            String line = lexer.isOutside() ? expandAssigned(lines[i]) : lines[i];
            lexer.read(line);
            code.add(line);
        }
        flush(code, lines.length, parts);
        return parts;
    }

    /**
     * Where the text of the literal that is open at the end of code begins; -1 where none is.
     *
     * <p>A string and a character end with their line, a text block does not.
     */
    static int openLiteral(String code) {
        Lexer lexer = new Lexer();
        for (String line : code.split("\n", -1)) {
            lexer.read(line);
        }
        if (lexer.openAt >= 0) {
            return code.lastIndexOf('\n') + 1 + lexer.openAt;
        }
        return lexer.closing.equals(TEXT_BLOCK) ? code.lastIndexOf(TEXT_BLOCK) + TEXT_BLOCK.length() : -1;
    }

    /** Whether the end of code is in a comment. */
    static boolean isInComment(String code) {
        Lexer lexer = new Lexer();
        for (String line : code.split("\n", -1)) {
            lexer.read(line);
        }
        return lexer.hasLineComment || lexer.closing.equals("*/");
    }

    /**
     * Splits at blanks. Quotes keep words together; in double ones a backslash takes the next character as it is, outside
     * of quotes it does so with a blank.
     */
    static List<String> words(String text) {
        return WORD.matcher(text).results().map(CellParser::word).toList();
    }

    private static String word(MatchResult match) {
        if (match.group(1) != null) {
            return match.group(1).replaceAll("\\\\(.)", "$1");
        }
        return match.group(2) != null ? match.group(2) : match.group(3).replaceAll("\\\\(\\s)", "$1");
    }

    private static void flush(List<String> code, int nextLine, List<CellPart> parts) {
        String text = String.join("\n", code);
        if (!text.isBlank()) {
            parts.add(new Code(text, nextLine - code.size()));
        }
        code.clear();
    }

    /** {@code var x = %name a b} becomes a call. */
    private static String expandAssigned(String line) {
        Matcher matcher = ASSIGNED.matcher(line);
        if (!matcher.matches()) {
            return line;
        }
        String arguments =
                matcher.group(3) == null ? "" : matcher.group(3).strip().replaceAll(";$", "");
        String quoted = words(arguments).stream()
                .map(word -> '"' + word.replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(", "));
        return matcher.group(1) + "lineMagic(\"" + matcher.group(2) + "\", java.util.List.of(" + quoted + "));";
    }

    /** Knows whether a line's end is outside of comments and text blocks. */
    private static final class Lexer {
        private String closing = "";
        private int openAt = -1; // of the line read last
        private boolean hasLineComment; // of the line read last

        boolean isOutside() {
            return closing.isEmpty();
        }

        void read(String line) {
            openAt = -1;
            hasLineComment = false;
            int at = 0;
            while (at < line.length()) {
                if (!closing.isEmpty()) {
                    int end = line.indexOf(closing, at);
                    if (end < 0) {
                        return;
                    }
                    at = end + closing.length();
                    closing = "";
                } else if (line.startsWith("//", at)) {
                    hasLineComment = true;
                    return;
                } else if (line.startsWith("/*", at)) {
                    closing = "*/";
                    at += 2;
                } else if (line.startsWith(TEXT_BLOCK, at)) {
                    closing = TEXT_BLOCK;
                    at += 3;
                } else if (line.charAt(at) == '"' || line.charAt(at) == '\'') {
                    int start = at + 1;
                    at = afterLiteral(line, at);
                    openAt = at > line.length() ? start : -1;
                } else {
                    at++;
                }
            }
        }

        private static int afterLiteral(String line, int start) {
            int at = start + 1;
            while (at < line.length() && line.charAt(at) != line.charAt(start)) {
                at += line.charAt(at) == '\\' ? 2 : 1;
            }
            return at + 1;
        }
    }
}
