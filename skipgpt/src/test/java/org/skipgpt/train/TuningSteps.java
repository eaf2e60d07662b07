package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.Router;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/**
 * Tuning steps to measure, of a model with random weights whose rows execute at given rates.
 *
 * @param manager owns what steps keep
 * @param model dense
 * @param batches what steps read
 */
public record TuningSteps(NDManager manager, LanguageModel model, Batches batches) {
    public static final BenchmarkClock CLOCK = BenchmarkClock.valueOf(System.getProperty("skipgpt.clock", "WALL"));

    public static LanguageModel random(NDManager manager, DecoderConfig shape) {
        return LanguageModel.dense(
                "random",
                "",
                Golden.numbers(shape.vocabulary()),
                shape,
                WeightLoader.random(shape, manager, Dtype.FP32, 1));
    }

    /** A router step with the backward work that is zero. */
    public Step routerFull(double[] open) {
        return router(open, RouterTuningConfig.paper(.25).withSparseBackward(false));
    }

    /** A router step without it; of rows that skip a share rho is computed. */
    public Step router(double[] open, double rho, boolean recompute) {
        return router(open, RouterTuningConfig.paper(.25).withRho(rho).withRecompute(recompute));
    }

    private Step router(double[] open, RouterTuningConfig config) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        for (int i = 0; i < routers.all().size(); i++) {
            Router r = routers.all().get(i);
            NDArray w = r.parameters().get(0);
            w.set(new float[(int) w.size()]);
            // With no weight, a row executes with the probability its bias says, whatever it holds.
            double p = open[i % 2];
            r.parameters().get(1).set(new float[] {0, (float) Math.log(p / (1 - p))});
        }
        return step(RouterTuning.of(
                model,
                routers,
                Gate.compile(manager),
                config.withBudget(Budget.of(.25)),
                LoopConfig.defaults(),
                batches,
                "ids"));
    }

    /** A LoRA step with frozen decisions. */
    public Step lora(double[] open, boolean recompute) {
        LanguageModel adapted = adapted();
        ForcedPolicy skipping = new ForcedPolicy(
                1 - open[0],
                1 - open[1],
                ForcedPolicy.Pattern.UNIFORM,
                KvPolicy.KEEP,
                model.config().layers(),
                7);
        return lora(adapted.withPolicy(skipping), recompute);
    }

    /** A LoRA step with nothing skipped. */
    public Step loraDense() {
        return lora(adapted(), false);
    }

    private LanguageModel adapted() {
        return model.withAdapter(Lora.init(manager, model.config(), LoraConfig.defaults(), 7));
    }

    private Step lora(LanguageModel adapted, boolean recompute) {
        return step(new LoraTuning(adapted, LoraConfig.defaults(), LoopConfig.defaults(), batches, recompute, "ids"));
    }

    private Step step(Objective objective) {
        AdamW adam = new AdamW(manager, objective.parameters(), name -> 1, LoopConfig.defaults());
        return new Step(objective, adam, manager, new long[1]);
    }

    /** Steps of one objective with its optimizer. */
    public record Step(Objective objective, AdamW optimizer, NDManager manager, long[] at) {
        /** Takes the next one; seconds. */
        public double seconds() {
            double begun = CLOCK.seconds();
            try (NDManager scope = manager.newSubManager();
                    var on = Torch.gradients(true)) {
                objective.backward(scope, at[0], 0, 1);
            }
            try (var off = Torch.gradients(false)) {
                optimizer.step(at[0]++, 1e-9);
            }
            return CLOCK.seconds() - begun;
        }
    }
}
