package org.skipgpt.tokens;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.skipgpt.data.DataException;

/**
 * Reads a template before the library does: names of filters, tests, functions and tags that are not known, and forms that
 * the library reads otherwise than Jinja without a word, are refused; a few such forms are written in a way that it reads
 * alike. Text between the tags, and texts in quotes, stay as they are.
 */
final class ChatSource {
    static final Set<String> FILTERS = Set.of(
            "trim", "length", "count", "default", "d", "join", "upper", "lower", "first", "last", "list", "reverse");
    /** Filters that templates name for tools and the like: known, but refused where a conversation gets there. */
    static final Set<String> UNUSED = Set.of(
            "tojson",
            "items",
            "map",
            "select",
            "selectattr",
            "reject",
            "rejectattr",
            "replace",
            "indent",
            "string",
            "int",
            "float",
            "capitalize",
            "title",
            "safe",
            "sort",
            "unique",
            "dictsort",
            "format",
            "escape",
            "e");

    static final Set<String> TESTS = Set.of(
            "defined", "none", "string", "mapping", "iterable", "number", "boolean", "true", "false", "even", "odd");
    static final Set<String> TAGS = Set.of("for", "endfor", "if", "elif", "else", "endif", "set", "macro", "endmacro");
    static final Set<String> FUNCTIONS = Set.of("namespace", "range");

    private static final Set<String> OWN_FUNCTIONS = Set.of("raise_exception", "strftime_now");
    private static final Set<String> WORDS = Set.of("and", "or", "not", "if", "else", "elif", "in", "is", "for", "set");

    private static final Pattern TAG = Pattern.compile(
            "\\{([%{])([-+]?)((?:[^'\"]|'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\")*?)([-+]?)[%}]\\}|\\{#.*?#\\}",
            Pattern.DOTALL);
    private static final Pattern QUOTED =
            Pattern.compile("'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"", Pattern.DOTALL);
    private static final Pattern FILTER = Pattern.compile("\\|\\s*([A-Za-z_]\\w*)");
    private static final Pattern TEST = Pattern.compile("\\bis\\s+(?:not\\s+)?([A-Za-z_]\\w*)");
    private static final Pattern CALL = Pattern.compile("(?<![.\\w|])(?<!\\|\\s)([A-Za-z_]\\w*)\\s*\\(");
    private static final Pattern MACRO = Pattern.compile("\\{%[-+]?\\s*macro\\s+([A-Za-z_]\\w*)");
    private static final Pattern MIXED = Pattern.compile("\\x00\\s*[=!]=\\s*[0-9]|[0-9]\\s*[=!]=\\s*\\x00");
    private static final Pattern BACKWARDS = Pattern.compile("\\b([A-Za-z_][\\w.]*)\\[::-1\\]");
    private static final Pattern NAMESPACE = Pattern.compile("(\\bnamespace\\()([^()]*)\\)");
    private static final Pattern ARGUMENT = Pattern.compile("([A-Za-z_]\\w*)\\s*=\\s*([^,=]+)");
    // transformers always gives both, as none where there are none
    private static final Pattern GIVEN = Pattern.compile("\\b(?:tools|documents)\\s+is\\s+(not\\s+)?defined\\b");

    private final String where;
    private final String text;
    private final Set<String> callable = new HashSet<>(FUNCTIONS);
    private final Deque<String> open = new ArrayDeque<>();

    private ChatSource(String where, String source) {
        this.where = where;
        text = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source; // as Jinja does
        callable.addAll(OWN_FUNCTIONS);
        callable.addAll(WORDS);
        MACRO.matcher(text).results().forEach(macro -> callable.add(macro.group(1)));
    }

    /**
     * The template as the library is to read it.
     *
     * @throws DataException naming what is not known
     */
    static String prepared(String where, String source) {
        ChatSource all = new ChatSource(where, source);
        return TAG.matcher(all.text)
                .replaceAll(tag -> Matcher.quoteReplacement(tag.group(1) == null ? tag.group() : all.tag(tag)));
    }

    private String tag(MatchResult tag) {
        List<String> texts = new ArrayList<>();
        String code = QUOTED.matcher(tag.group(3)).replaceAll(quoted -> {
            texts.add(quoted.group());
            return "\0" + (texts.size() - 1) + "\0";
        });
        check(tag, code, texts);
        String written = rewritten(code);
        for (int i = 0; i < texts.size(); i++) {
            written = written.replace("\0" + i + "\0", texts.get(i));
        }
        String end = tag.group(1).equals("%") ? "%}" : "}}";
        return "{" + tag.group(1) + tag.group(2) + written + tag.group(4) + end;
    }

    private void check(MatchResult tag, String code, List<String> texts) {
        if (tag.group(1).equals("%")) {
            checkTag(tag, code.strip());
        } else if (code.strip().startsWith("-")) {
            throw refusal(tag, "an expression that begins with a minus");
        }
        FILTER.matcher(code)
                .results()
                .filter(f -> !UNUSED.contains(f.group(1)))
                .forEach(f -> known(tag, "filter", f.group(1), FILTERS));
        TEST.matcher(code).results().forEach(t -> known(tag, "test", t.group(1), TESTS));
        CALL.matcher(code).results().forEach(c -> known(tag, "function", c.group(1), callable));
        if (MIXED.matcher(code).find()) {
            throw refusal(tag, "a comparison of a text with a number");
        }
        if (texts.stream().anyMatch(text -> text.strip().matches("(?i).\\s*false\\s*."))) {
            throw refusal(tag, "the text 'false', which the library takes for no text");
        }
        if (code.matches("(?s)\\s*none\\s*|.*\\bnone\\s+is\\b.*|.*[=!]=\\s*none\\b.*")) {
            throw refusal(tag, "a comparison with none");
        }
    }

    // The library knows neither a condition behind "for" nor what is done for an empty list.
    private void checkTag(MatchResult tag, String code) {
        String name = code.split("\\W", 2)[0];
        known(tag, "tag", name, TAGS);
        switch (name) {
            case "for" -> {
                if (code.matches("(?s).*\\sif\\s.*")) {
                    throw refusal(tag, "a condition behind \"for\"");
                }
                open.push(name);
            }
            case "if", "macro" -> open.push(name);
            case "else" -> {
                if ("for".equals(open.peek())) {
                    throw refusal(tag, "\"else\" of a \"for\"");
                }
            }
            case "endfor", "endif", "endmacro" -> {
                if (open.isEmpty() || !name.equals("end" + open.pop())) {
                    throw refusal(tag, "an end without its beginning");
                }
            }
            default -> {}
        }
    }

    private void known(MatchResult tag, String kind, String name, Set<String> known) {
        if (!known.contains(name)) {
            throw refusal(tag, "the " + kind + " \"" + name + "\"");
        }
    }

    private DataException refusal(MatchResult tag, String what) {
        long line = 1
                + text.substring(0, tag.start()).chars().filter(c -> c == '\n').count();
        return new DataException(
                "the chat template in " + where + ", line " + line + ", uses " + what
                        + ", which is not known to give here what transformers gives; write the conversation as a text of your own");
    }

    private static String rewritten(String code) {
        String given = GIVEN.matcher(code).replaceAll(test -> test.group(1) == null ? "true" : "false");
        String backwards = BACKWARDS.matcher(given).replaceAll("($1|reverse|list)");
        return NAMESPACE
                .matcher(backwards)
                .replaceAll(found -> Matcher.quoteReplacement(
                        found.group(1) + ARGUMENT.matcher(found.group(2)).replaceAll("$1=($2)") + ")"));
    }
}
