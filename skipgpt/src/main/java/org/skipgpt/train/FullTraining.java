package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Gradients;

/**
 * Training of all weights on plain text, from random weights or onwards from a loaded model.
 *
 * <p>The model's weights are changed in place, which only this objective does; they must be fp32.
 */
public final class FullTraining implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final Batches batches;
    private final List<int[][]> held;
    private final int accumulation;
    private final String data;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over a model's weights.
     *
     * @param batches where windows come from
     * @param held held-out windows for the column {@code "held-out loss"}; may be empty
     * @param accumulation micro-batches a step, as the loop's configuration says
     * @param mixed multiply in bf16 over fp32 weights
     * @param data identity of the text, for the run's fingerprint
     */
    public FullTraining(
            LanguageModel model, Batches batches, List<int[][]> held, int accumulation, boolean mixed, String data) {
        this.model = model;
        this.decoder = mixed ? model.differentiableMixed() : model.differentiable();
        this.batches = batches;
        this.held = List.copyOf(held);
        this.accumulation = accumulation;
        this.data = data + (mixed ? " · mixed" : " · fp32");
        List<NDArray> all = decoder.weights().all();
        for (int i = 0; i < all.size(); i++) {
            Gradients.require(all.get(i));
            parameters.put("weight." + i, all.get(i));
        }
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        int[][] sequences = batches.batch(step * accumulation + micro);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        NDArray x = decoder.forward(rows, LayerPolicy.dense(), Execution.MASKED, Trace.none()); // (N, D)
        double loss = LanguageLoss.backward(scope, decoder, x, LanguageLoss.targets(sequences), weight);
        return Map.of("loss", loss, "tokens", (double) rows.size());
    }

    @Override
    public Map<String, Double> evaluate() {
        double sum = 0;
        long count = 0;
        for (int[][] batch : held) {
            for (float[] sequence : model.logProbabilities(batch)) {
                for (float p : sequence) {
                    sum -= p;
                    count++;
                }
            }
        }
        return count == 0 ? Map.of() : Map.of("held-out loss", sum / count);
    }

    @Override
    public String describe() {
        return "training " + model.name();
    }

    @Override
    public String fingerprint() {
        return "full training · " + model.config() + " · " + data;
    }
}
