package org.skipgpt.kernel.cell;

import java.time.Duration;
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
    private static final Duration INDEX_WAIT = Duration.ofSeconds(30);
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
        Place place = Place.find(engine, code, cursor);
        if (place.needsIndex()) {
            engine.awaitIndex(INDEX_WAIT);
            place = Place.find(engine, code, cursor);
        }
        boolean isMember = place.isMember();
        Map<String, Snippet> own = engine.declarations()
                .collect(Collectors.toMap(Completions::name, snippet -> snippet, (first, second) -> second));
        Map<String, Match> found = new LinkedHashMap<>();
        place.suggestions().stream()
                .sorted(Comparator.comparing((Suggestion s) -> !s.matchesType())
                        .thenComparing(s -> !own.containsKey(bare(s.continuation())))
                        .thenComparing(Suggestion::continuation))
                .filter(s -> !s.continuation().startsWith("do_it$"))
                .limit(MAX_MATCHES)
                .forEach(s -> found.putIfAbsent(s.continuation(), match(s.continuation(), own, isMember)));
        return new Completions(place.start(), cursor, new ArrayList<>(found.values()));
    }

    /**
     * What JShell suggests where the cursor stands.
     *
     * @param start first character of the cell that a suggestion replaces
     * @param before the code that was completed, up to the cursor
     * @param anchor the same place in it
     */
    private record Place(int start, String before, int anchor, List<Suggestion> suggestions) {
        static Place find(CellEngine engine, String code, int cursor) {
            int from = snippetStart(engine, code, cursor);
            Place place = suggest(engine, code.substring(from, cursor), from);
            if (!place.suggestions.isEmpty() || from == 0) {
                return place;
            }
            // what the cell declares further up and has not run yet: as a block, JShell knows it
            return suggest(engine, asBlock(code.substring(0, cursor)), -1);
        }

        private static Place suggest(CellEngine engine, String before, int from) {
            int[] anchor = new int[1];
            List<Suggestion> suggestions = engine.analysis().completionSuggestions(before, before.length(), anchor);
            return new Place(from + anchor[0], before, anchor[0], suggestions);
        }

        boolean isMember() {
            return anchor > 0 && before.charAt(anchor - 1) == '.';
        }

        boolean needsIndex() {
            return suggestions.isEmpty() || IMPORT.matcher(before).lookingAt();
        }
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
