package org.skipgpt.data.world;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What guessers who know nothing of the questions reach on a benchmark.
 *
 * @param chance expected accuracy of a uniform guess
 * @param standardError of that accuracy over the items
 * @param majority accuracy of always choosing the position that is right most often
 * @param unigram accuracy of choosing the answer whose words are most probable, each on its own, in training text
 * @param unigramPerLetter the same with log-probabilities divided by the length of the answer
 */
record Baselines(double chance, double standardError, double majority, double unigram, double unigramPerLetter) {
    static Baselines of(List<Map<String, Object>> items, Map<String, Integer> words) {
        double total = words.values().stream().mapToDouble(Integer::intValue).sum() + words.size();
        ToDoubleFunction<String> score = text -> Arrays.stream(words(text))
                .mapToDouble(word -> Math.log((words.getOrDefault(word, 0) + 1) / total))
                .sum();
        int[] positions = new int[5];
        double n = items.size();
        double chance = 0;
        double variance = 0;
        int unigram = 0;
        int perLetter = 0;
        for (Map<String, Object> item : items) {
            Choices choices = Choices.of(item);
            double p = 1.0 / choices.texts().size();
            chance += p / n;
            variance += p * (1 - p);
            positions[choices.answer()]++;
            unigram += best(choices.texts(), score) == choices.answer() ? 1 : 0;
            perLetter += best(choices.texts(), text -> score.applyAsDouble(text) / text.length()) == choices.answer()
                    ? 1
                    : 0;
        }
        double majority = Arrays.stream(positions).max().orElseThrow() / n;
        return new Baselines(chance, Math.sqrt(variance) / n, majority, unigram / n, perLetter / n);
    }

    /** How often each word occurs in a text. */
    static Map<String, Integer> count(String text) {
        Map<String, Integer> counts = new HashMap<>();
        for (String word : words(text)) {
            counts.merge(word, 1, Integer::sum);
        }
        return counts;
    }

    /** The line of the table in the README. */
    String row(String name) {
        return String.format(
                Locale.ROOT,
                "| %s | %.1f | %.1f | %.1f | %.1f | %.1f |",
                name,
                100 * chance,
                100 * standardError,
                100 * majority,
                100 * unigram,
                100 * unigramPerLetter);
    }

    private static int best(List<String> texts, ToDoubleFunction<String> score) {
        int best = 0;
        for (int i = 1; i < texts.size(); i++) {
            best = score.applyAsDouble(texts.get(i)) > score.applyAsDouble(texts.get(best)) ? i : best;
        }
        return best;
    }

    private static String[] words(String text) {
        return Arrays.stream(text.toLowerCase(Locale.ROOT).split("[^a-z]+"))
                .filter(word -> !word.isEmpty())
                .toArray(String[]::new);
    }
}
