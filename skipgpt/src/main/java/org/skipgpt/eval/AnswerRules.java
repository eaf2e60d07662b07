package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.skipgpt.io.JsonFields;

/**
 * How an answer is generated, read out of what was generated, and compared: the {@code generate_until} tasks of
 * lm-evaluation-harness with its filters {@code regex} and {@code remove_whitespace} and its metric {@code exact_match}.
 *
 * <pre>{@code
 * "answer": {"stop": ["\n"], "maxTokens": 32, "ignoreCase": true, "ignorePunctuation": true}
 * }</pre>
 *
 * @param before text before the first example, or before the question where there is none
 * @param stop an answer ends before the first of these texts
 * @param maxTokens most tokens of an answer
 * @param pattern expression whose match is the answer: its first group that matched, or all of it; empty for the whole text
 *     without white space at its beginning
 * @param last the last match counts instead of the first
 * @param any every choice of the task is accepted, instead of its gold one
 * @param ignoreCase upper and lower letters are the same
 * @param ignorePunctuation ASCII punctuation is taken out of both sides
 * @param ignore expressions that are taken out of both sides, one after another, before they are compared
 */
public record AnswerRules(
        String before,
        List<String> stop,
        int maxTokens,
        String pattern,
        boolean last,
        boolean any,
        boolean ignoreCase,
        boolean ignorePunctuation,
        List<String> ignore) {
    /** What stands for an answer that the pattern does not find, as in the harness. */
    public static final String NONE = "[invalid]";

    private static final int MOST_TOKENS = 4096;
    private static final Pattern PUNCTUATION = Pattern.compile("\\p{Punct}");

    /** Copies the lists and checks; all faults are told at once. */
    public AnswerRules {
        stop = List.copyOf(stop);
        ignore = List.copyOf(ignore);
        List<String> faults = new ArrayList<>();
        if (maxTokens < 1 || maxTokens > MOST_TOKENS) {
            faults.add("maxTokens " + maxTokens + " is not allowed: expected 1.." + MOST_TOKENS);
        }
        if (stop.stream().anyMatch(String::isEmpty)) {
            faults.add("a stop text is empty, which would end every answer at once");
        }
        if (last && pattern.isEmpty()) {
            faults.add("last chooses among matches, but there is no pattern");
        }
        List<String> patterns = new ArrayList<>(ignore);
        patterns.add(pattern);
        for (String one : patterns) {
            try {
                Pattern.compile(one);
            } catch (PatternSyntaxException e) {
                faults.add("\"" + one + "\" is no regular expression: " + e.getDescription());
            }
        }
        if (!faults.isEmpty()) {
            throw new TaskException("answer: " + String.join("; ", faults));
        }
    }

    static AnswerRules of(JsonFields fields) {
        AnswerRules rules = new AnswerRules(
                fields.text("before", ""),
                fields.has("stop") ? fields.texts("stop") : List.of(),
                fields.integer("maxTokens", 256, 1, MOST_TOKENS),
                fields.text("pattern", ""),
                fields.flag("last", false),
                fields.flag("any", false),
                fields.flag("ignoreCase", false),
                fields.flag("ignorePunctuation", false),
                fields.has("ignore") ? fields.texts("ignore") : List.of());
        fields.refuseOthers();
        return rules;
    }

    /** The answer in what was generated; {@link #NONE} where the pattern finds none. */
    public String read(String generated) {
        if (pattern.isEmpty()) {
            return generated.stripLeading();
        }
        Matcher matcher = Pattern.compile(pattern).matcher(generated);
        String found = NONE;
        while (matcher.find()) {
            found = group(matcher).strip();
            if (!last) {
                break;
            }
        }
        return found;
    }

    private static String group(Matcher matcher) {
        if (matcher.groupCount() == 0) {
            return matcher.group();
        }
        for (int i = 1; i <= matcher.groupCount(); i++) {
            String group = matcher.group(i);
            if (group != null && !group.isEmpty()) {
                return group;
            }
        }
        return NONE;
    }

    /** Whether what was generated is one of the texts that are right. */
    public boolean accepts(String generated, List<String> right) {
        String answer = compared(read(generated));
        return right.stream().map(this::compared).anyMatch(answer::equals);
    }

    private String compared(String text) {
        String out = text;
        for (String one : ignore) {
            out = out.replaceAll(one, "");
        }
        out = ignoreCase ? out.toLowerCase(Locale.ROOT) : out;
        return ignorePunctuation ? PUNCTUATION.matcher(out).replaceAll("") : out;
    }
}
