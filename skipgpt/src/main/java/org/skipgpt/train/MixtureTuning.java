package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.SeededDropout;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Identity;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.Noise;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;

/**
 * Mixture-of-Depths learns: routers by the weight they give to what modules add, an adapter beside them, from the language
 * loss alone; predictors learn who was chosen, from streams cut off the graph.
 *
 * <p>{@code L = L_lm + mean over modules of BCE(predictor, chosen)}; the two share no parameter.
 */
public final class MixtureTuning implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final MixturePolicy policy;
    private final LoraConfig config;
    private final LoopConfig loop;
    private final Batches batches;
    private final String data;
    private final double adapterRate;
    private final Optional<SeededDropout> dropout;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over routers, predictors and the model's adapter, where it has one.
     *
     * @param model dense but for modules that were dropped; its weights stay as they are
     * @param policy its weights are changed in place
     * @param config the adapter's shape; its dropout is used
     * @param adapterRate the adapter's learning rate as a share of the routers'
     * @param data identity of the text
     */
    public MixtureTuning(
            LanguageModel model,
            MixturePolicy policy,
            LoraConfig config,
            LoopConfig loop,
            Batches batches,
            double adapterRate,
            String data) {
        this.model = model;
        this.decoder = model.differentiable();
        this.policy = policy;
        this.config = config;
        this.loop = loop;
        this.batches = batches;
        this.adapterRate = adapterRate;
        this.data = data;
        policy.weights().named().forEach((name, array) -> parameters.put("mixture." + name, array));
        model.adapter().ifPresent(adapter -> parameters.putAll(Lora.named(adapter, model.config())));
        this.dropout = model.adapter().isPresent() && config.dropout() > 0
                ? Optional.of(new SeededDropout(decoder.weights().manager()))
                : Optional.empty();
        parameters.values().forEach(Gradients::require);
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        long number = step * loop.accumulation() + micro;
        int[][] sequences = batches.batch(number);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        Decoder own = dropout.map(d -> decoder.withDropout(d.masks(config.dropout(), Noise.mixed(loop.seed(), number))))
                .orElse(decoder);
        MixturePolicy learning = policy.learning();
        LayerPolicy around = model.policy().withCore(learning);
        double[] skipped = new double[2];
        Trace watch = new Trace() {
            @Override
            public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows r) {
                skipped[site.index() % 2] += (1 - (double) decision.executed(r.size()) / r.size())
                        / own.config().layers();
            }
        };
        double[] lessons = new double[1];
        Wanted wanted = Wanted.text(LanguageLoss.targets(sequences));
        Wanted.Loss loss = new Backward(own, rows, wanted, weight)
                .whole(
                        scope,
                        (layer, in) -> own.layer(layer, in, rows, around, Execution.ALWAYS_PACKED, watch),
                        () -> lessons(scope, learning.lessons(), weight, lessons))
                .get();
        Map<String, Double> row = new LinkedHashMap<>();
        row.put("loss", loss.total() + lessons[0]);
        row.put("LM loss", loss.text());
        row.put("predictor loss", lessons[0]);
        row.put("s_attn", skipped[0]);
        row.put("s_mlp", skipped[1]);
        row.put("r", (skipped[0] + skipped[1]) / 2);
        row.put("tokens", (double) rows.size());
        return row;
    }

    private static NDArray lessons(NDManager scope, List<NDArray> losses, double weight, double[] mean) {
        NDArray sum = scope.zeros(new Shape());
        for (NDArray one : losses) {
            mean[0] += one.getFloat() / losses.size();
            sum = Gradients.times(scope, one, weight / losses.size()).add(sum);
        }
        return sum; // ()
    }

    @Override
    public double rateFactor(String parameter) {
        return parameter.startsWith("adapter.") ? adapterRate : 1;
    }

    @Override
    public void close() {
        decoder.close();
        dropout.ifPresent(SeededDropout::close);
    }

    @Override
    public String describe() {
        return "Mixture-of-Depths tuning";
    }

    @Override
    public Identity identity() {
        Identity around = model.policy().identity();
        return Identity.of(describe())
                .with("form", policy.form())
                .with("adapter", config)
                .with("adapterRate", adapterRate)
                .with("policy", around)
                .with("model", RunFacts.of(model))
                .with("data", data)
                .formerly(describe() + " · " + policy.describe() + " · " + RunFacts.former(config) + " · "
                        + around.json() + " · " + RunFacts.former(model) + " · " + adapterRate + " · " + data);
    }
}
