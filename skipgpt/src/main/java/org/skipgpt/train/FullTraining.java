package org.skipgpt.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Processor;
import org.skipgpt.weights.LayerWeights;

/**
 * Training of all weights on plain text, from random weights or onwards from a loaded model.
 *
 * <p>The model's weights are changed in place, which only this objective does; they must be fp32. Modules that a plan drops are
 * dropped from the first step on: other proportions of attention and MLP are trained as a deeper model without some of its modules,
 * whose weights stay as they are.
 */
public final class FullTraining implements Objective {
    /** How matrices are multiplied; weights, moments and sums are fp32 either way. */
    public enum Precision {
        /** In fp32. */
        FP32,
        /** In bf16 over fp32 weights: faster where the machine has bf16, many times slower where not; less exact. */
        MIXED;

        /** The faster one: mixed on GPUs and on CPUs with AVX-512. */
        public static Precision fastest(Device device) {
            return device.isGpu() || Processor.leastReordered(Dtype.BF16).isPresent() ? MIXED : FP32;
        }
    }

    private final LanguageModel model;
    private final Decoder decoder;
    private final Batches batches;
    private final List<int[][]> held;
    private final int accumulation;
    private final boolean recompute;
    private final Precision precision;
    private final Identity data;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over a model's weights.
     *
     * @param batches where windows come from
     * @param held held-out windows for the column {@code "held-out loss"}; may be empty
     * @param accumulation micro-batches a step, as the loop's configuration says
     * @param recompute keep layer inputs only and run each layer twice: less memory, more time
     * @param data name of the text, by which the run is known
     */
    public FullTraining(
            LanguageModel model,
            Batches batches,
            List<int[][]> held,
            int accumulation,
            Precision precision,
            boolean recompute,
            String data) {
        this(
                model,
                batches,
                held,
                accumulation,
                precision,
                recompute,
                Identity.of("text").with("name", data).formerly(data));
    }

    /** The same of a text that is known by more than a name. */
    FullTraining(
            LanguageModel model,
            Batches batches,
            List<int[][]> held,
            int accumulation,
            Precision precision,
            boolean recompute,
            Identity data) {
        this.model = refuseDeciding(model);
        this.decoder = precision == Precision.MIXED ? model.differentiableMixed() : model.differentiable();
        this.batches = batches;
        this.held = List.copyOf(held);
        this.accumulation = accumulation;
        this.recompute = recompute;
        this.precision = precision;
        this.data = data;
        decoder.weights().checkOnePlace("training all of its weights");
        decoder.weights().changing();
        Set<NDArray> unused = Collections.newSetFromMap(new IdentityHashMap<>());
        for (ModuleSite site : gone()) {
            LayerWeights layer = decoder.weights().layers().get(site.layer());
            unused.addAll(site.module() == ModuleKind.ATTENTION ? layer.attention() : layer.mlp());
        }
        List<NDArray> all = decoder.weights().all();
        for (int i = 0; i < all.size(); i++) {
            if (!unused.contains(all.get(i))) {
                Gradients.require(all.get(i));
                parameters.put("weight." + i, all.get(i));
            }
        }
    }

    // Where tokens are decided about, their weights would learn from what the decisions leave, and the decisions not at
    // all.
    private static LanguageModel refuseDeciding(LanguageModel model) {
        if (!model.config().sites().stream().allMatch(model.policy()::isConstant)) {
            throw new IllegalArgumentException(
                    "full training is of models whose modules run for all tokens or for none, but"
                            + " this one is " + model.policy().describe()
                            + ": train withPolicy(LayerPolicy.dense()), or tune an"
                            + " adapter under the routers with tuneLora");
        }
        return model;
    }

    private List<ModuleSite> gone() {
        return model.config().sites().stream().filter(model.policy()::isDropped).toList();
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        int[][] sequences = batches.batch(step * accumulation + micro);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        long[] targets = LanguageLoss.targets(sequences);
        double loss = recompute ? recomputed(scope, rows, targets, weight) : whole(scope, rows, targets, weight);
        return Map.of("loss", loss, "tokens", (double) rows.size());
    }

    private double whole(NDManager scope, Rows rows, long[] targets, double weight) {
        NDArray x = decoder.forward(rows, model.policy(), Execution.MASKED, Trace.none()); // (N, D)
        return LanguageLoss.backward(scope, decoder, x, targets, weight);
    }

    private double recomputed(NDManager scope, Rows rows, long[] targets, double weight) {
        NDArray nothing = scope.create(0f);
        return new Backward(decoder, rows, Wanted.text(targets), weight)
                .recomputed(
                        scope,
                        (layer, in) -> decoder.layer(layer, in, rows, model.policy(), Execution.MASKED, Trace.none()),
                        () -> {},
                        layer -> nothing,
                        upstream -> Gradients.backward(decoder.embed(rows), upstream))
                .get()
                .total();
    }

    @Override
    public Map<String, Double> evaluate() {
        OptionalDouble loss = LanguageLoss.mean(model, held);
        return loss.isEmpty() ? Map.of() : Map.of("held-out loss", loss.getAsDouble());
    }

    @Override
    public void close() {
        decoder.close();
    }

    @Override
    public String describe() {
        return "training " + model.name();
    }

    @Override
    public Identity identity() {
        Identity all = Identity.of("full training")
                .with("model", RunFacts.of(model.config()))
                .with("data", data)
                .with("precision", precision)
                .with("without", gone(), List.of());
        if (!gone().isEmpty()) {
            return all;
        }
        return data.former()
                .map(text -> all.formerly("full training · " + model.config() + " · " + text
                        + (precision == Precision.MIXED ? " · mixed" : " · fp32")))
                .orElse(all);
    }
}
