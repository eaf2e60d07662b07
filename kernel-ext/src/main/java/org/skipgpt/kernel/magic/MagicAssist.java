package org.skipgpt.kernel.magic;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.skipgpt.kernel.cell.Completions;
import org.skipgpt.kernel.cell.Completions.Match;
import org.skipgpt.kernel.cell.Inspection;
import org.skipgpt.kernel.magic.CellPart.CellMagic;
import org.skipgpt.kernel.magic.CellPart.LineMagic;

/** Helps where a cell holds magics: completes their names and files, explains them, and shows JShell the Java around them. */
public final class MagicAssist {
    private static final int MAX_FILES = 100;
    private static final Pattern NAME = Pattern.compile("\\s*(%{1,2}\\w*)");
    private static final Pattern TIMED = Pattern.compile("\\s*%time\\s");
    private static final Pattern FILE = Pattern.compile("\\s*%(load|classpath)\\s+(?:\\S+\\s+)*?(\\S*)");
    private static final Pattern ANY = Pattern.compile(".*");
    private static final Map<String, Pattern> ENDINGS =
            Map.of("load", Pattern.compile(".*\\.(jsh|java|ipynb)"), "classpath", Pattern.compile(".*\\.jar"));

    private MagicAssist() {}

    /**
     * Completes a magic's name or file; empty where the cursor is in Java code.
     *
     * @param code the cell
     * @param cursor in UTF-16 units
     * @param help what the magics do, by their names with percent signs
     */
    public static Optional<Completions> complete(String code, int cursor, Map<String, String> help) {
        String before = code.substring(lineStart(code, cursor), cursor);
        if (!isMagicLine(code, cursor)) {
            return Optional.empty();
        }
        Matcher name = NAME.matcher(before);
        if (name.matches()) {
            List<Match> matches = help.keySet().stream()
                    .filter(magic -> magic.startsWith(name.group(1)))
                    .map(magic -> new Match(magic, "magic", ""))
                    .toList();
            return Optional.of(new Completions(cursor - name.group(1).length(), cursor, matches));
        }
        Matcher file = FILE.matcher(before);
        return file.matches() ? Optional.of(files(file.group(1), file.group(2), cursor)) : Optional.empty();
    }

    /**
     * Completes the name of a file or folder inside a string; nothing inside a text block or a comment, and empty where the
     * cursor is in neither.
     *
     * @param code the Java code of a cell
     * @param cursor in UTF-16 units
     */
    public static Optional<Completions> completeInString(String code, int cursor) {
        if (CellParser.isInComment(code.substring(0, cursor))) {
            return Optional.of(new Completions(cursor, cursor, List.of()));
        }
        int start = CellParser.openLiteral(code.substring(0, cursor));
        if (start < 0) {
            return Optional.empty();
        }
        boolean isString = code.charAt(start - 1) == '"' && !code.startsWith(CellParser.TEXT_BLOCK, start - 3);
        return Optional.of(
                isString
                        ? files("", code.substring(start, cursor), cursor)
                        : new Completions(cursor, cursor, List.of()));
    }

    /** Explains the magic whose name holds the cursor; empty where it is elsewhere. */
    public static Optional<Inspection> inspect(String code, int cursor, Map<String, String> help) {
        Matcher name = NAME.matcher(code);
        name.region(lineStart(code, cursor), code.length());
        if (!isMagicLine(code, cursor) || !name.lookingAt() || cursor > name.end()) {
            return Optional.empty();
        }
        String text = help.get(name.group(1));
        return text == null
                ? Optional.empty()
                : Optional.of(new Inspection(List.of(new Inspection.Entry(text.replaceAll(" {2,}", "   "), ""))));
    }

    /**
     * The Java code of a cell with its magics blanked out, so that every character stays where it was. Of the line with the
     * cursor, code behind {@code %time} stays.
     */
    public static String javaOnly(String code, int cursor) {
        StringBuilder text = new StringBuilder(code);
        int cursorLine = line(code, cursor);
        for (CellPart part : CellParser.parse(code)) {
            if (part instanceof LineMagic magic) {
                blank(text, magic.line(), magic.line() == cursorLine);
            } else if (part instanceof CellMagic magic) {
                int end = code.length() - magic.body().length();
                text.replace(0, end, code.substring(0, end).replaceAll("[^\\n]", " "));
            }
        }
        return text.toString();
    }

    private static void blank(StringBuilder text, int line, boolean keepsTimed) {
        int start = 0;
        for (int i = 0; i < line; i++) {
            start = text.indexOf("\n", start) + 1;
        }
        int newline = text.indexOf("\n", start);
        int end = newline < 0 ? text.length() : newline;
        Matcher timed = TIMED.matcher(text.substring(start, end));
        if (keepsTimed && timed.lookingAt()) {
            end = start + timed.end();
        }
        text.replace(start, end, " ".repeat(end - start));
    }

    // Half a name is no magic yet, so the parser is asked about a whole one in its place.
    private static boolean isMagicLine(String code, int cursor) {
        int start = lineStart(code, cursor);
        String before = code.substring(start, cursor);
        if (!before.stripLeading().startsWith("%")) {
            return false;
        }
        if (before.stripLeading().startsWith("%%")) {
            return code.substring(0, start).isBlank();
        }
        int line = line(code, cursor);
        return CellParser.parse(code.substring(0, start) + "%x").stream()
                .anyMatch(part -> part instanceof LineMagic magic && magic.line() == line);
    }

    private static Completions files(String magic, String typed, int cursor) {
        int slash = typed.lastIndexOf('/') + 1;
        String start = typed.substring(slash);
        String folder = slash == 0 ? "." : typed.substring(0, slash);
        Pattern ending = ENDINGS.getOrDefault(magic, ANY);
        List<Match> matches = List.of();
        try (Stream<Path> files = Files.list(Path.of(folder))) {
            matches = files.filter(file -> String.valueOf(file.getFileName()).startsWith(start))
                    .map(file -> file.getFileName() + (Files.isDirectory(file) ? "/" : ""))
                    .filter(name -> name.endsWith("/") || ending.matcher(name).matches())
                    .filter(name -> start.startsWith(".") || !name.startsWith("."))
                    .sorted()
                    .limit(MAX_FILES)
                    .map(name -> new Match(name, "path", ""))
                    .toList();
        } catch (IOException | InvalidPathException e) {
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.DEBUG, "no files in " + folder, e);
        }
        return new Completions(cursor - start.length(), cursor, matches);
    }

    private static int lineStart(String code, int cursor) {
        return code.lastIndexOf('\n', cursor - 1) + 1;
    }

    private static int line(String code, int cursor) {
        return (int) code.substring(0, cursor).chars().filter(c -> c == '\n').count();
    }
}
