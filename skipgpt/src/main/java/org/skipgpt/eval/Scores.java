package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Optional;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * What a model says about the choices of a question, one entry a choice; or the text it generated as its answer.
 *
 * @param logLikelihoods summed natural log-probability
 * @param greedy whether greedy decoding gives exactly the choice
 * @param excess tokens by which context and choice are longer than what the model reads at once; 0 where they fit; of an answer
 *     one entry, the tokens its question lost
 * @param answer what was generated, where choices were not scored
 */
record Scores(double[] logLikelihoods, boolean[] greedy, int[] excess, Optional<String> answer) {
    private static final String ANSWER = "answer";

    // sums in fp32 may end a little above 0
    private static final Numbers LOG_LIKELIHOODS = Numbers.between(-1e9, 1e-3);

    /** Of choices. */
    static Scores choices(double[] logLikelihoods, boolean[] greedy, int[] excess) {
        return new Scores(logLikelihoods, greedy, excess, Optional.empty());
    }

    /** Of an answer. */
    static Scores answered(String text, int excess) {
        return new Scores(new double[0], new boolean[0], new int[] {excess}, Optional.of(text));
    }

    /**
     * The scores that {@link #addTo} put into an object.
     *
     * @throws RuntimeException the reader's own, if a list is missing, shorter than others or holds what no score is
     */
    static Scores of(JsonFields object) {
        Optional<String> answer = object.textIfThere(ANSWER);
        if (answer.isPresent()) {
            return answered(answer.get(), object.integer("excess", 0, Integer.MAX_VALUE));
        }
        double[] values = object.numbers("loglikelihoods", LOG_LIKELIHOODS).stream()
                .mapToDouble(Double::doubleValue)
                .toArray();
        List<JsonElement> flags = object.elements("greedy");
        List<Integer> tokens = object.integers("excess", 0, Integer.MAX_VALUE);
        boolean[] greedy = new boolean[values.length];
        if (values.length == 0 || flags.size() != values.length || tokens.size() != values.length) {
            throw object.fault("greedy", "as many entries as loglikelihoods and excess have, one a choice");
        }
        for (int i = 0; i < greedy.length; i++) {
            if (!(flags.get(i) instanceof JsonPrimitive flag) || !flag.isBoolean()) {
                throw object.fault("greedy", "a list of true and false");
            }
            greedy[i] = flag.getAsBoolean();
        }
        return choices(
                values, greedy, tokens.stream().mapToInt(Integer::intValue).toArray());
    }

    void addTo(JsonObject object) {
        if (answer.isPresent()) {
            object.addProperty(ANSWER, answer.get());
            object.addProperty("excess", excess[0]);
            return;
        }
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
