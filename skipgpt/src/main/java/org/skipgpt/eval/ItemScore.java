package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/**
 * What a model says about one question.
 *
 * @param place the question's place in its task, from 0
 * @param file where the question stands
 * @param line its line, from 1
 * @param gold the right choice
 * @param logLikelihoods summed natural log-probability of each choice
 * @param greedy whether greedy decoding gives exactly the choice
 * @param lengths characters of each choice
 */
public record ItemScore(
        int place, String file, long line, int gold, double[] logLikelihoods, boolean[] greedy, int[] lengths) {
    /** The likeliest choice; the first of equals. */
    public int pick() {
        int best = 0;
        for (int i = 1; i < logLikelihoods.length; i++) {
            best = logLikelihoods[i] > logLikelihoods[best] ? i : best;
        }
        return best;
    }

    /** The likeliest choice a character; the first of equals. */
    public int pickNorm() {
        int best = 0;
        for (int i = 1; i < logLikelihoods.length; i++) {
            best = logLikelihoods[i] / lengths[i] > logLikelihoods[best] / lengths[best] ? i : best;
        }
        return best;
    }

    /** How likely the right choice is among all: softmax of the log-likelihoods. */
    public double goldShare() {
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
        out.addProperty("gold", gold);
        out.addProperty("pick", pick());
        out.addProperty("pick_norm", pickNorm());
        JsonArray scores = new JsonArray();
        JsonArray flags = new JsonArray();
        JsonArray characters = new JsonArray();
        for (int i = 0; i < logLikelihoods.length; i++) {
            scores.add(logLikelihoods[i]);
            flags.add(greedy[i]);
            characters.add(lengths[i]);
        }
        out.add("loglikelihoods", scores);
        out.add("greedy", flags);
        out.add("characters", characters);
        return out;
    }
}
