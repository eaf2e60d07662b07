package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.lang.model.SourceVersion;
import jdk.jshell.MethodSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.SourceCodeAnalysis.Suggestion;
import jdk.jshell.VarSnippet;

/**
 * What could stand at the cursor.
 *
 * @param start first character that a match replaces
 * @param end first character after it
 * @param matches the best ones first
 */
public record Completions(int start, int end, List<Match> matches) {
    private static final int MAX_MATCHES = 300;
    private static final Pattern IMPORT = Pattern.compile("(?m)^\\s*import\\s[^;\\n]*;?");

    /**
     * One match.
     *
     * @param text the text to insert
     * @param type {@code function}, {@code class}, {@code variable}, {@code module}, {@code keyword} or {@code property}
     * @param signature parameters, where known; else empty
     */
    public record Match(String text, String type, String signature) {}

    /** Completes code at a cursor, given in Java's UTF-16 units. */
    public static Completions of(CellEngine engine, String code, int cursor) {
        int from = snippetStart(engine, code, cursor);
        int[] anchor = new int[1];
        String before = code.substring(from, cursor);
        List<Suggestion> suggestions = engine.analysis().completionSuggestions(before, before.length(), anchor);
        if (suggestions.isEmpty() && from > 0) {
            // what the cell declares further up and has not run yet: as a block, JShell knows it
            before = asBlock(code.substring(0, cursor));
            from = -1;
            suggestions = engine.analysis().completionSuggestions(before, before.length(), anchor);
        }
        int start = from + anchor[0];
        boolean isMember = anchor[0] > 0 && before.charAt(anchor[0] - 1) == '.';
        Map<String, Snippet> own = engine.declarations()
                .collect(Collectors.toMap(Completions::name, snippet -> snippet, (first, second) -> second));
        Map<String, Match> found = new LinkedHashMap<>();
        suggestions.stream()
                .sorted(Comparator.comparing((Suggestion s) -> !s.matchesType())
                        .thenComparing(s -> !own.containsKey(bare(s.continuation())))
                        .thenComparing(Suggestion::continuation))
                .filter(s -> !s.continuation().startsWith("do_it$"))
                .limit(MAX_MATCHES)
                .forEach(s -> found.putIfAbsent(s.continuation(), match(s.continuation(), own, isMember)));
        return new Completions(start, cursor, new ArrayList<>(found.values()));
    }

    /** Code as a block, one character longer; imports, which cannot stand in one, become blanks. */
    static String asBlock(String code) {
        return "{"
                + IMPORT.matcher(code)
                        .replaceAll(line -> " ".repeat(line.group().length()));
    }

    /** Start of the snippet that holds the cursor: JShell completes one snippet at a time. */
    static int snippetStart(CellEngine engine, String code, int cursor) {
        int from = 0;
        while (from < cursor) {
            CompletionInfo info = engine.analysis().analyzeCompletion(code.substring(from));
            String remaining = Objects.requireNonNullElse(info.remaining(), "");
            int next = code.length() - remaining.length();
            if (!info.completeness().isComplete() || next >= cursor || next <= from) {
                return from;
            }
            from = next;
        }
        return from;
    }

    private static Match match(String text, Map<String, Snippet> own, boolean isMember) {
        String name = bare(text);
        Snippet snippet = isMember ? null : own.get(name);
        if (snippet instanceof MethodSnippet method) {
            return new Match(text, "function", "(" + method.parameterTypes() + ")");
        }
        if (snippet instanceof VarSnippet variable) {
            return new Match(text, "variable", variable.typeName());
        }
        if (text.contains("(")) {
            return new Match(text, "function", "");
        }
        if (SourceVersion.isKeyword(text.strip())
                || Set.of("var", "record", "sealed", "yield").contains(text.strip())) {
            return new Match(text, "keyword", "");
        }
        if (isConstant(name) && (isMember || name.length() > 1)) { // a single letter elsewhere is a type's name
            return new Match(text, "property", "");
        }
        if (!name.isEmpty() && Character.isUpperCase(name.charAt(0))) {
            return new Match(text, "class", "");
        }
        return new Match(text, isMember && !text.endsWith(".") ? "property" : "module", "");
    }

    private static boolean isConstant(String name) {
        return !name.isEmpty()
                && name.chars().allMatch(c -> Character.isUpperCase(c) || Character.isDigit(c) || c == '_');
    }

    private static String name(Snippet snippet) {
        if (snippet instanceof VarSnippet variable) {
            return variable.name();
        }
        return snippet instanceof MethodSnippet method ? method.name() : snippet.id();
    }

    private static String bare(String continuation) {
        int end = continuation.indexOf('(');
        return (end < 0 ? continuation : continuation.substring(0, end)).strip();
    }
}
