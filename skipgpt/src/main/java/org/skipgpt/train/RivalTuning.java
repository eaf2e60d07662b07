package org.skipgpt.train;

import ai.djl.ndarray.NDManager;
import java.util.Optional;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Budget;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.MixtureWeights;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;

/** How the paper's rivals that learn are run: what decides and an adapter from the same text, each by its own objective. */
final class RivalTuning {
    private RivalTuning() {}

    /** Mixture-of-Depths. */
    static Tuned mixture(TuningStage stage, MixtureForm form) {
        LanguageModel base = stage.base;
        TuningOptions options = stage.options;
        NDManager owner = stage.owner;
        TuningStage.refuseToReplace(base);
        try (NDManager work = base.scope()) {
            LoopConfig loop = options.loop();
            LoraConfig lora = options.jointLora();
            LanguageModel learning = base.withAdapter(Lora.init(work, base.config(), lora, loop.seed()));
            MixtureWeights start = MixtureWeights.init(work, base.config(), loop.seed());
            MixturePolicy policy = MixturePolicy.of(work, start, form, MixturePolicy.Choice.PREDICTOR);
            double factor = options.loraRate().peak() / loop.rate().peak();
            TrainingRun run;
            try (MixtureTuning tuning =
                    new MixtureTuning(learning, policy, lora, loop, stage.batches, factor, stage.batches.hash())) {
                LanguageModel seen = learning.withPolicy(base.policy().withCore(policy));
                run = stage.run(tuning, loop, () -> seen, Budget.of((1 - form.capacity()) / form.every()), work);
            } finally {
                stage.free(learning);
            }
            MixturePolicy learned = MixturePolicy.of(owner, start.copy(owner), form, MixturePolicy.Choice.PREDICTOR);
            LanguageModel model = base.withPolicy(base.policy().withCore(learned))
                    .withAdapter(Lora.copy(learning.adapter().orElseThrow(), owner));
            return stage.tuned(form.method(), model, run, Optional.empty(), Optional.of(lora));
        }
    }

    /** D-LLM. */
    static Tuned dLlm(TuningStage stage, DLlmForm form) {
        LanguageModel base = stage.base;
        TuningOptions options = stage.options;
        NDManager owner = stage.owner;
        TuningStage.refuseToReplace(base);
        try (NDManager work = base.scope()) {
            Gate gate = Gate.compile(owner);
            LoopConfig loop = options.loop();
            LoraConfig lora = options.jointLora();
            LanguageModel learning = base.withAdapter(Lora.init(work, base.config(), lora, loop.seed()));
            Routers start = Routers.init(work, base.config(), form.router(), RouterStart.dLlm(), loop.seed());
            double factor = options.loraRate().peak() / loop.rate().peak();
            Budget wanted = Budget.of(form.target());
            TrainingRun run;
            try (DLlmTuning tuning = new DLlmTuning(
                    learning,
                    start,
                    gate,
                    form,
                    lora,
                    loop,
                    stage.batches,
                    factor,
                    options.routing().recompute(),
                    stage.batches.hash())) {
                LanguageModel seen =
                        learning.withPolicy(base.policy().withCore(evicting(gate, start, form, base.config())));
                run = stage.run(tuning, loop, () -> seen, wanted, work);
            } finally {
                stage.free(learning);
            }
            RoutedPolicy policy = evicting(gate, start.copy(owner), form, base.config());
            LanguageModel model = base.withPolicy(base.policy().withCore(policy))
                    .withAdapter(Lora.copy(learning.adapter().orElseThrow(), owner));
            if (options.keepShare() && !run.isStopped()) {
                model = stage.atTarget(model, policy, wanted);
            }
            return stage.tuned("D-LLM", model, run, Optional.empty(), Optional.of(lora));
        }
    }

    private static RoutedPolicy evicting(Gate gate, Routers routers, DLlmForm form, DecoderConfig model) {
        return RoutedPolicy.of(gate, routers).withForced(form.forced(model)).withKvPolicy(KvPolicy.EXECUTED);
    }
}
