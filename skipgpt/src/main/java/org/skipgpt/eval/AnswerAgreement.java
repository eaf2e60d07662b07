package org.skipgpt.eval;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.skipgpt.report.Report;

/**
 * How far two models give the same answers in their own words: what likelihoods of given choices hide.
 *
 * <p>{@code similarity = 1 - edits / max(characters)}, with Levenshtein's edits, over what was generated up to the stop text,
 * averaged over questions.
 *
 * <pre>{@code
 * AnswerAgreement.of(dense.task("gsm8k").orElseThrow(), skipping.task("gsm8k").orElseThrow())
 * }</pre>
 *
 * @param task what was asked
 * @param questions that both answered
 * @param equal share of answers that are the same text, 0..1
 * @param similarity mean similarity of the two answers, 0..1
 * @param right which of the two was right where only one was
 */
public record AnswerAgreement(String task, int questions, double equal, double similarity, McNemar right)
        implements Report {
    /**
     * Compares two results of one task.
     *
     * @throws IllegalArgumentException if they are of different tasks or shots, share no question, or are no answers
     */
    public static AnswerAgreement of(TaskResult first, TaskResult second) {
        if (first.task().form() != TaskDescription.Form.ANSWER) {
            throw new IllegalArgumentException(
                    "the choices of \"" + first.task().name()
                            + "\" were scored and nothing was generated: compare them with significance, or ask a task of "
                            + Tasks.ANSWERS);
        }
        McNemar right = McNemar.of(first, second);
        Map<Integer, String> others = new HashMap<>();
        second.items().forEach(item -> others.put(item.place(), item.answer().orElseThrow()));
        int shared = 0;
        int equal = 0;
        double similarity = 0;
        for (ItemScore item : first.items()) {
            String other = others.get(item.place());
            if (other != null) {
                String own = item.answer().orElseThrow();
                shared++;
                equal += own.equals(other) ? 1 : 0;
                similarity += similarity(own, other);
            }
        }
        return new AnswerAgreement(first.task().name(), shared, (double) equal / shared, similarity / shared, right);
    }

    private static double similarity(String one, String other) {
        int longer = Math.max(one.length(), other.length());
        int edits = LevenshteinDistance.getDefaultInstance().apply(one, other);
        return longer == 0 ? 1 : 1 - (double) edits / longer;
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s, %d questions: %.1f %% of the answers are the same text, mean similarity %.3f; %s",
                task,
                questions,
                100 * equal,
                similarity,
                right);
    }

    @Override
    public String toString() {
        return text();
    }
}
