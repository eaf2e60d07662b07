package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/**
 * What a model says about the choices of a question; one entry a choice.
 *
 * @param logLikelihoods summed natural log-probability
 * @param greedy whether greedy decoding gives exactly the choice
 * @param excess tokens by which context and choice are longer than what the model reads at once; 0 where they fit
 */
record Scores(double[] logLikelihoods, boolean[] greedy, int[] excess) {
    /** The scores that {@link #addTo} put into an object. */
    static Scores of(JsonObject object) {
        JsonArray values = object.getAsJsonArray("loglikelihoods");
        JsonArray flags = object.getAsJsonArray("greedy");
        JsonArray tokens = object.getAsJsonArray("excess");
        Scores scores = new Scores(new double[values.size()], new boolean[values.size()], new int[values.size()]);
        for (int i = 0; i < values.size(); i++) {
            scores.logLikelihoods[i] = values.get(i).getAsDouble();
            scores.greedy[i] = flags.get(i).getAsBoolean();
            scores.excess[i] = tokens.get(i).getAsInt();
        }
        return scores;
    }

    void addTo(JsonObject object) {
        JsonArray values = new JsonArray();
        JsonArray flags = new JsonArray();
        JsonArray tokens = new JsonArray();
        for (int i = 0; i < logLikelihoods.length; i++) {
            values.add(logLikelihoods[i]);
            flags.add(greedy[i]);
            tokens.add(excess[i]);
        }
        object.add("loglikelihoods", values);
        object.add("greedy", flags);
        object.add("excess", tokens);
    }
}
