package org.skipgpt.train;

import java.util.Arrays;
import java.util.List;
import org.skipgpt.route.DLlmForm;

/**
 * D-LLM's pull towards its target: {@code lambda |mean of gates - (1 - target)|} of the gates of one pass, and its slope.
 *
 * @param value of the penalty
 * @param executed share of layer runs of the counted tokens that execute, forced layers among them
 * @param slopes of each layer that has a router, its derivative by the gate of each row; 0 for tokens that are forced
 */
record DLlmPenalty(double value, double executed, List<float[]> slopes) {
    /**
     * Counts.
     *
     * @param gates of each layer that has a router, N, 0 or 1
     * @param layers of the model; those without a router execute
     * @param absent layers that nothing is left of, which execute for no token
     * @param counted of each row, whether it is counted; N
     */
    static DLlmPenalty of(DLlmForm form, List<float[]> gates, int layers, int absent, boolean[] counted) {
        int tokens = 0;
        for (boolean one : counted) {
            tokens += one ? 1 : 0;
        }
        List<float[]> slopes =
                gates.stream().map(gate -> new float[counted.length]).toList();
        if (tokens == 0) {
            return new DLlmPenalty(0, 1, slopes);
        }
        double always = layers - absent - gates.size();
        double wanted = 1 - form.target();
        double[] byToken = new double[counted.length];
        double[] byLayer = new double[gates.size()];
        for (int l = 0; l < gates.size(); l++) {
            for (int row = 0; row < counted.length; row++) {
                byToken[row] += counted[row] ? gates.get(l)[row] / layers : 0;
                byLayer[l] += counted[row] ? gates.get(l)[row] / (double) tokens : 0;
            }
        }
        double executed = (Arrays.stream(byLayer).sum() + always) / layers;
        // What is left for a layer with a router where the others run as they must.
        double each = (wanted * layers - always) / Math.max(1, gates.size());
        double value = 0;
        for (int row = 0; row < counted.length; row++) {
            for (int l = 0; l < gates.size() && counted[row]; l++) {
                double over = switch (form.share()) {
                    case TOKEN -> byToken[row] + always / layers - wanted;
                    case LAYER -> byLayer[l] - each;
                    case TOTAL -> executed - wanted;
                };
                slopes.get(l)[row] = (float) (form.lambda() * sign(over) / ((double) layers * tokens));
                // A token's or the whole mean's distance comes by once a layer, and each counts by its part of it.
                double part = form.share() == DLlmForm.Share.LAYER ? layers : gates.size();
                value += Math.abs(over) / (part * tokens);
            }
        }
        return new DLlmPenalty(form.lambda() * value, executed, slopes);
    }

    // A mean of shares that is 0 but for rounding has no side.
    private static double sign(double over) {
        return Math.abs(over) < 1e-9 ? 0 : Math.signum(over);
    }
}
