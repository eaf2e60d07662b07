package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.Optional;

/**
 * What a model says about one question.
 *
 * @param place the question's place in its task, from 0
 * @param file where the question stands
 * @param line its line, from 1
 * @param gold the right choice
 * @param logLikelihoods summed natural log-probability of each choice; none where an answer was generated
 * @param greedy whether greedy decoding gives exactly the choice; of an answer one entry, whether it is right
 * @param excess tokens by which context and choice are longer than what the model reads at once; 0 where they fit
 * @param lengths characters of each choice
 * @param answer the text that was generated, of tasks that ask for one
 */
public record ItemScore(
        int place,
        String file,
        long line,
        int gold,
        double[] logLikelihoods,
        boolean[] greedy,
        int[] excess,
        int[] lengths,
        Optional<String> answer) {
    /** Whether the question is longer than what the model reads at once, so that its beginning was left out. */
    public boolean isCut() {
        return Arrays.stream(excess).anyMatch(tokens -> tokens > 0);
    }

    /** The likeliest choice; the first of equals; 0 where an answer was generated, as there was no choice. */
    public int pick() {
        int best = 0;
        for (int i = 1; i < logLikelihoods.length; i++) {
            best = logLikelihoods[i] > logLikelihoods[best] ? i : best;
        }
        return best;
    }

    /** The likeliest choice a character; the first of equals; 0 where an answer was generated. */
    public int pickNorm() {
        int best = 0;
        for (int i = 1; i < logLikelihoods.length; i++) {
            best = logLikelihoods[i] / lengths[i] > logLikelihoods[best] / lengths[best] ? i : best;
        }
        return best;
    }

    /**
     * How likely the right choice is among all: softmax of the log-likelihoods.
     *
     * @throws IllegalStateException if an answer was generated, since then no choice was scored
     */
    public double goldShare() {
        if (answer.isPresent()) {
            throw new IllegalStateException("question " + place + " was answered in the model's own words, so no choice"
                    + " has a likelihood: ask the same questions by a task with choices");
        }
        double top = logLikelihoods[pick()];
        double sum = 0;
        for (double one : logLikelihoods) {
            sum += Math.exp(one - top);
        }
        return Math.exp(logLikelihoods[gold] - top) / sum;
    }

    /** One line of a jsonl file. */
    JsonObject toJson() {
        JsonObject out = new JsonObject();
        out.addProperty("place", place);
        out.addProperty("line", line);
        if (answer.isPresent()) {
            out.addProperty("right", greedy[0]);
            new Scores(logLikelihoods, greedy, excess, answer).addTo(out);
            return out;
        }
        out.addProperty("gold", gold);
        out.addProperty("pick", pick());
        out.addProperty("pick_norm", pickNorm());
        Scores.choices(logLikelihoods, greedy, excess).addTo(out);
        JsonArray characters = new JsonArray();
        Arrays.stream(lengths).forEach(characters::add);
        out.add("characters", characters);
        return out;
    }
}
