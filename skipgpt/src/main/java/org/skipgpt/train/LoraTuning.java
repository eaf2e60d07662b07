package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.SeededDropout;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Teacher;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.LayerRun;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Identity;
import org.skipgpt.route.Noise;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;

/**
 * Stage 2 of SkipGPT: the adapter learns, routers are frozen and decide by argmax. Under the dense policy it is the
 * Dense+LoRA control.
 *
 * <p>Skipped work is done neither forward nor backward. Deviation: the authors' code keeps the straight-through gate
 * attached in this stage; here it is cut, which is the true gradient of the network with hard gates.
 *
 * <pre>{@code
 * var adapted = routed.withAdapter(Lora.init(manager, routed.config(), LoraConfig.defaults(), 43));
 * TrainingLoop.run(new LoraTuning(adapted, LoraConfig.defaults(), loop, batches, false, "books"), loop, manager, o);
 * }</pre>
 */
public final class LoraTuning implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final LoraConfig config;
    private final LoopConfig loop;
    private final Batches batches;
    private final boolean recompute;
    private final Sampling sampling;
    private final Teacher teacher;
    private final Optional<KeptShare> kept;
    private final String data;
    private final Optional<SeededDropout> dropout;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over a model's adapter.
     *
     * @param model with an adapter, which is changed in place, and the policy to tune under
     * @param config the adapter's shape; its dropout is used
     * @param loop the settings the loop is run with
     * @param recompute keep layer inputs only and run each layer twice
     * @param data identity of the text
     * @throws IllegalArgumentException if the model has no adapter
     */
    public LoraTuning(
            LanguageModel model, LoraConfig config, LoopConfig loop, Batches batches, boolean recompute, String data) {
        this(model, config, loop, batches, recompute, data, Sampling.ARGMAX, Teacher.none(), Optional.empty());
    }

    /** The same with frozen routers that decide by argmax or by a draw, a teacher, and a share that is kept. */
    LoraTuning(
            LanguageModel model,
            LoraConfig config,
            LoopConfig loop,
            Batches batches,
            boolean recompute,
            String data,
            Sampling sampling,
            Teacher teacher,
            Optional<KeptShare> kept) {
        this.model = model;
        this.decoder = model.differentiable();
        this.config = config;
        this.loop = loop;
        this.batches = batches;
        this.recompute = recompute;
        this.sampling = sampling;
        this.teacher = teacher;
        this.kept = kept;
        this.data = data;
        this.dropout = config.dropout() > 0
                ? Optional.of(new SeededDropout(decoder.weights().manager()))
                : Optional.empty();
        List<NDArray> factors = Lora.parameters(
                model.adapter()
                        .orElseThrow(() -> new IllegalArgumentException(
                                "LoRA tuning needs a model with an adapter: use withAdapter(Lora.init(…)) first")),
                model.config());
        for (int i = 0; i < factors.size(); i++) {
            parameters.put("adapter." + i, factors.get(i));
        }
        parameters.values().forEach(Gradients::require);
    }

    /** The paper's loop: 10,000 steps of 16 sequences, 2e-4 with warm-up 0.1 and cosine. */
    public static LoopConfig paperLoop() {
        return RouterTuningConfig.paperLoop().withRate(LearningRate.cosine(2e-4, 0.1));
    }

    /** The authors' loop: the same rate, 8 micro-batches, AdamW 0.9/0.999. */
    public static LoopConfig officialLoop() {
        return RouterTuningConfig.officialLoop().withRate(LearningRate.cosine(2e-4, 0.1));
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, NDArray> state() {
        return kept.map(k -> Map.of("thresholds.shift", k.shift())).orElse(Map.of());
    }

    @Override
    public void finish(long step, Map<String, Double> means) {
        kept.ifPresent(k -> k.follow(Objects.requireNonNull(means.get("kept r"))));
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        return forward(scope, step, micro, weight).get();
    }

    @Override
    public Supplier<Map<String, Double>> forward(NDManager scope, long step, int micro, double weight) {
        long number = step * loop.accumulation() + micro;
        int[][] sequences = batches.batch(number);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        Decoder own = dropout.map(d -> decoder.withDropout(d.masks(config.dropout(), Noise.mixed(loop.seed(), number))))
                .orElse(decoder);
        LayerPolicy policy = policy(Noise.mixed(loop.seed(), number));
        double[] skipped = new double[model.config().modules()];
        Trace watch = new Trace() {
            @Override
            public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows r) {
                skipped[site.index()] = 1 - (double) decision.executed(r.size()) / r.size();
            }
        };
        Wanted wanted = teacher.wanted(scope, LanguageLoss.targets(sequences), rows);
        Backward passes = new Backward(own, rows, wanted, weight)
                .expecting(site -> policy.isConstant(site) && !policy.isDropped(site));
        LayerRun counted = (layer, in) -> own.layer(layer, in, rows, policy, Execution.ALWAYS_PACKED, watch);
        LayerRun again = (layer, in) -> own.layer(layer, in, rows, policy, Execution.ALWAYS_PACKED, Trace.none());
        boolean[] second = {false};
        NDArray zero = scope.create(0f);
        Supplier<Wanted.Loss> back = recompute
                ? passes.recomputed(
                        scope,
                        (layer, in) -> (second[0] ? again : counted).run(layer, in),
                        () -> second[0] = true,
                        one -> zero)
                : passes.whole(scope, counted, () -> zero);
        return () -> row(back.get(), skipped, rows.size());
    }

    private Map<String, Double> row(Wanted.Loss loss, double[] skipped, int tokens) {
        Map<String, Double> row = new LinkedHashMap<>();
        row.put("loss", loss.total());
        row.put("LM loss", loss.text());
        if (teacher.share() > 0) {
            row.put("KL to dense", loss.teacher());
        }
        double attention = mean(skipped, ModuleKind.ATTENTION);
        double mlp = mean(skipped, ModuleKind.MLP);
        row.put("s_attn", attention);
        row.put("s_mlp", mlp);
        row.put("r", (attention + mlp) / 2);
        kept.ifPresent(k -> {
            row.put("threshold shift", (double) k.shift().getFloat());
            row.put("kept r", k.counted(skipped));
        });
        row.put("tokens", (double) tokens);
        return row;
    }

    private static double mean(double[] skipped, ModuleKind module) {
        return IntStream.range(0, skipped.length)
                .filter(m -> ModuleSite.of(m).module() == module)
                .mapToDouble(m -> skipped[m])
                .average()
                .orElseThrow();
    }

    // The draw depends on the micro-batch and the module alone, so that a layer run twice decides alike.
    private LayerPolicy policy(long seed) {
        LayerPolicy policy = kept.map(KeptShare::policy).orElse(model.policy());
        return sampling == Sampling.GUMBEL ? policy.drawn(seed) : policy;
    }

    @Override
    public void close() {
        decoder.close();
        dropout.ifPresent(SeededDropout::close);
    }

    @Override
    public String describe() {
        return "LoRA tuning";
    }

    @Override
    public Identity identity() {
        Identity policy = model.policy().identity();
        return Identity.of(describe())
                .with("adapter", config)
                .with("policy", policy)
                .with("sampling", sampling)
                .with("distill", teacher.share(), 0)
                .with("keeps", kept.map(KeptShare::share), Optional.empty())
                .with("model", RunFacts.of(model))
                .with("data", data)
                .formerly(describe() + " · " + RunFacts.former(config) + " · " + policy.json() + " · " + sampling
                        + (teacher.share() > 0 ? " · distill " + teacher.share() : "")
                        + kept.map(k -> " · keeps " + k.share()).orElse("") + " · "
                        + RunFacts.former(model) + " · " + data);
    }
}
