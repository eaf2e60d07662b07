package org.skipgpt.model;

/** Arithmetic on the logits of one token. */
final class Logits {
    private Logits() {}

    /** Natural log-probability of a token: z_t - log sum exp z. */
    static float logProbability(float[] logits, int token) {
        double max = Double.NEGATIVE_INFINITY;
        for (float z : logits) {
            max = Math.max(max, z);
        }
        double sum = 0;
        for (float z : logits) {
            sum += Math.exp(z - max);
        }
        return (float) (logits[token] - max - Math.log(sum));
    }

    /** The most likely token; the first of equals. */
    static int best(float[] logits) {
        return best(logits, 0, logits.length);
    }

    /** The most likely token of one row of several, counted from the row's begin; the first of equals. */
    static int best(float[] logits, int from, int vocabulary) {
        int best = 0;
        for (int i = 1; i < vocabulary; i++) {
            if (logits[from + i] > logits[from + best]) {
                best = i;
            }
        }
        return best;
    }
}
