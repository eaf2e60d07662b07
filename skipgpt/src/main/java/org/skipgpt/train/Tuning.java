package org.skipgpt.train;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.TorchFile;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

/**
 * The stages of SkipGPT from text to tuned model. The given model never changes; routers and adapters that learn are
 * copies, and the result is a view over the same weights.
 *
 * <p>An interrupt ends a stage early: the result holds what was learned so far, and with checkpoints the same call
 * continues it.
 *
 * <pre>{@code
 * Tuned rt = Tuning.routers(model, 0.25, documents, TuningOptions.practical(), ProgressObserver.silent());
 * Tuned rtl = Tuning.lora(rt.model(), documents, TuningOptions.practical(), ProgressObserver.silent());
 * }</pre>
 */
public final class Tuning {
    private Tuning() {}

    /** A model with fresh, untuned routers that decide by argmax. */
    public static LanguageModel withRouters(LanguageModel model, RouterConfig config, long seed) {
        return withRouters(model, owner -> Routers.init(owner, model.config(), config, seed));
    }

    /**
     * A model with the routers of a {@code .pth} file of the authors' code, which decide by argmax.
     *
     * @throws org.skipgpt.io.CheckpointException if a tensor is missing or has another shape than the model's routers
     */
    public static LanguageModel withPublishedRouters(LanguageModel model, Path file) {
        return withRouters(model, owner -> {
            try (TensorSource source = TorchFile.open(file)) {
                return Routers.published(owner, model.config(), source);
            }
        });
    }

    private static LanguageModel withRouters(LanguageModel model, Function<NDManager, Routers> made) {
        TuningStage.refuseToReplace(model);
        return model.extended(owner -> {
            RoutedPolicy routed = RoutedPolicy.of(Gate.compile(owner), made.apply(owner));
            return model.withPolicy(model.policy().withCore(routed));
        });
    }

    /**
     * Stage 1: routers learn, weights do not. Routers the model has already are the start; otherwise fresh ones are. Modules
     * that the model lacks stay dropped and count as skipped.
     *
     * @param target share to skip, 0..1, at least what is dropped
     * @param documents text; the last ones are kept back to measure on
     * @throws IllegalArgumentException for a target outside 0..1 or text without two tokens in a row
     * @throws NonFiniteLossException if the loss becomes NaN or infinite
     */
    public static Tuned routers(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        Budget budget = options.routing().budget().withTarget(target);
        try (InUse.Hold held = model.hold()) {
            return new TuningStage(model, documents, options, observer).learnRouters(budget, Optional.empty());
        }
    }

    /** SkipGPT-Joint: routers and a fresh adapter learn together, from one loss. */
    public static Tuned joint(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        Budget budget = options.routing().budget().withTarget(target);
        try (InUse.Hold held = model.hold()) {
            return new TuningStage(model, documents, options, observer)
                    .learnRouters(budget, Optional.of(options.jointLora()));
        }
    }

    /**
     * Stage 2: a fresh adapter learns, routers are frozen.
     *
     * @throws IllegalArgumentException if the model has no routers
     */
    public static Tuned lora(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        if (RoutedPolicy.in(model.policy()).isEmpty()) {
            throw new IllegalArgumentException("stage 2 tunes under frozen routers, but this model is "
                    + model.policy().describe() + ": tune routers first, or use the dense control");
        }
        try (InUse.Hold held = model.hold()) {
            return new TuningStage(model, documents, options, observer).learnAdapter("SkipGPT-RT-L");
        }
    }

    /** The control: the same adapter on the same text, nothing skipped. It learns from the text: no model teaches itself. */
    public static Tuned denseLora(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        LanguageModel dense = model.withPolicy(LayerPolicy.dense());
        try (InUse.Hold held = model.hold()) {
            return new TuningStage(dense, documents, fromText(options), observer).learnAdapter("Dense+LoRA");
        }
    }

    /**
     * Recovery of a pruned model: a fresh adapter learns over what is left; the weights stay as they are. Where modules are
     * dropped the whole model can be the teacher; one with weights of its own, merged, narrowed or sliced, learns from the text.
     *
     * @throws IllegalArgumentException if single tokens skip
     */
    public static Tuned recover(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        List<ModuleSite> sites = model.config().sites();
        if (!sites.stream().allMatch(model.policy()::isConstant)) {
            throw new IllegalArgumentException(
                    "recovery heals a model that is pruned for all tokens alike, but this one is "
                            + model.policy().describe() + ": heal it under its routers, with tuneLora");
        }
        boolean drops = sites.stream().anyMatch(model.policy()::isDropped);
        try (InUse.Hold held = model.hold()) {
            return new TuningStage(model, documents, drops ? options : fromText(options), observer)
                    .learnAdapter((drops ? model.policy().describe() : model.name()) + "+LoRA");
        }
    }

    private static TuningOptions fromText(TuningOptions options) {
        return options.withRouting(options.routing().withDistill(0));
    }

    /**
     * MoD-D, a rival: routers choose the best tokens of each sequence for every module while a fresh adapter learns beside
     * them; the result decides by predictors, which do not look ahead.
     *
     * @param capacity share of tokens that run each module, above 0 up to 1; 0.75 in the paper's 25 %
     */
    public static Tuned mixture(
            LanguageModel model,
            double capacity,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return mixture(model, MixtureForm.modules(capacity), documents, options, observer);
    }

    /** The same in any form, e.g. {@code MixtureForm.blocks(0.125)}, which is MoD itself. */
    public static Tuned mixture(
            LanguageModel model,
            MixtureForm form,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        try (InUse.Hold held = model.hold()) {
            return RivalTuning.mixture(new TuningStage(model, documents, options, observer), form);
        }
    }

    /**
     * D-LLM, a rival: a router a layer decides for each token, and leaves no keys and values of tokens that skip; routers and a fresh
     * adapter learn together.
     *
     * @param form its target and what always runs, e.g. {@code DLlmForm.of(0.25)}
     * @throws IllegalArgumentException if the target cannot be met beside what always runs
     */
    public static Tuned dLlm(
            LanguageModel model,
            DLlmForm form,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        try (InUse.Hold held = model.hold()) {
            return RivalTuning.dLlm(new TuningStage(model, documents, options, observer), form);
        }
    }
}
