package org.skipgpt.train;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.TorchFile;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.loss.Teacher;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.prune.Ranking;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Routers;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Torch;

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
    private static final int FEW = 32;
    private static final int TURNED_TOKENS = 1500;
    private static final int CALIBRATION_TOKENS = 8192;
    private static final double MOST_DROPPED = 0.95;

    final LanguageModel base;
    private final String baseHash;
    final TuningOptions options;
    private final ProgressObserver observer;
    final DocumentBatches batches;
    private final HeldOut held;
    final NDManager owner;

    private Tuning(LanguageModel base, List<String> documents, TuningOptions options, ProgressObserver observer) {
        if (documents.isEmpty()) {
            throw new IllegalArgumentException("no text to learn from: the list of documents is empty");
        }
        this.base = base;
        // Asked for before the work: an interrupt afterwards is not to wait for it.
        this.baseHash = base.hash();
        this.options = options;
        this.observer = observer;
        int kept = keptCount(documents, options);
        List<String> learned = documents.subList(0, documents.size() - kept);
        int length = length(base, options);
        long seed = options.loop().seed();
        this.batches = options.packed()
                ? DocumentBatches.packed(learned, base.tokenizer(), options.sequences(), length, seed)
                : DocumentBatches.truncated(learned, base.tokenizer(), options.sequences(), length, seed);
        // Where nothing is kept back a few of the learned texts show what is skipped; all of them would take as long as
        // tuning.
        this.held = kept == 0
                ? HeldOut.of(learned.subList(0, Math.min(FEW, learned.size())), base.tokenizer(), length)
                : kept(base, documents, options);
        this.owner = base.scope();
    }

    private static int length(LanguageModel base, TuningOptions options) {
        return Math.min(options.length(), base.config().maxPositions());
    }

    /** How many documents nothing learns from. */
    static int keptCount(List<String> documents, TuningOptions options) {
        return Math.min(options.heldOut(), documents.size() / 10);
    }

    /** Those documents: the last ones. */
    static HeldOut kept(LanguageModel base, List<String> documents, TuningOptions options) {
        int from = documents.size() - keptCount(documents, options);
        return HeldOut.of(documents.subList(from, documents.size()), base.tokenizer(), length(base, options));
    }

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
        refuseToReplace(model);
        try (InUse.Hold held = model.hold()) {
            NDManager owner = model.scope();
            try {
                RoutedPolicy routed = RoutedPolicy.of(Gate.compile(owner), made.apply(owner));
                return model.withPolicy(model.policy().withCore(routed));
            } catch (RuntimeException | Error e) {
                owner.close();
                throw e;
            }
        }
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
            return new Tuning(model, documents, options, observer).learnRouters(budget, Optional.empty());
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
            return new Tuning(model, documents, options, observer)
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
            return new Tuning(model, documents, options, observer).learnAdapter("SkipGPT-RT-L");
        }
    }

    /** The control: the same adapter on the same text, nothing skipped. It learns from the text: no model teaches itself. */
    public static Tuned denseLora(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        LanguageModel dense = model.withPolicy(LayerPolicy.dense());
        try (InUse.Hold held = model.hold()) {
            return new Tuning(dense, documents, fromText(options), observer).learnAdapter("Dense+LoRA");
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
            return new Tuning(model, documents, drops ? options : fromText(options), observer)
                    .learnAdapter((drops ? model.policy().describe() : model.name()) + "+LoRA");
        }
    }

    private static TuningOptions fromText(TuningOptions options) {
        return options.withRouting(options.routing().withDistill(0));
    }

    private Tuned learnRouters(Budget budget, Optional<LoraConfig> joint) {
        refuseToReplace(base);
        refuseUnreachable(budget);
        try (NDManager work = base.scope()) {
            Gate gate = Gate.compile(owner);
            Routers start = RoutedPolicy.in(base.policy())
                    .map(routed -> routed.routers().holding(routed.thresholds(), work))
                    .orElseGet(() -> Routers.init(
                            work,
                            base.config(),
                            options.router(),
                            start(budget.target()),
                            options.loop().seed()));
            RouterTuningConfig config = options.routing().withBudget(budget);
            LoopConfig loop = options.loop();
            String data = batches.hash() + " from " + start.hash();
            LanguageModel learning = joint.map(c -> base.withAdapter(
                            Lora.init(work, base.config(), c, options.loop().seed())))
                    .orElse(base);
            double factor = options.loraRate().peak() / loop.rate().peak();
            RouterTuning tuning = joint.isPresent()
                    ? RouterTuning.joint(
                            learning,
                            start,
                            gate,
                            config.withDropout(joint.get().dropout()),
                            loop,
                            batches,
                            data,
                            factor,
                            base.decoder())
                    : RouterTuning.of(learning, start, gate, config, loop, batches, data);
            RoutedPolicy live =
                    RoutedPolicy.of(gate, start).withForced(config.forced()).withKvPolicy(config.kv());
            TrainingRun run;
            try (tuning) {
                LanguageModel seen = learning.withPolicy(base.policy().withCore(live));
                run = run(tuning, loop, () -> seen, budget, work);
            } finally {
                free(learning);
            }
            Routers tuned = start.copy(owner);
            RoutedPolicy policy =
                    RoutedPolicy.of(gate, tuned).withForced(config.forced()).withKvPolicy(config.kv());
            LanguageModel model = base.withPolicy(base.policy().withCore(policy));
            if (joint.isPresent()) {
                Adapter adapter = learning.adapter().orElseThrow();
                model = model.withAdapter(Lora.copy(adapter, owner));
            }
            if (options.keepShare() && !run.isStopped()) {
                model = atTarget(model, policy, budget);
            }
            return tuned(joint.isPresent() ? "SkipGPT-Joint" : "SkipGPT-RT", model, run, Optional.of(budget), joint);
        }
    }

    /** Where fresh routers begin; the plan is ranked on the first batches. */
    private RouterStart start(double target) {
        RouterStart start = options.start();
        if (!start.isAtPlan()) {
            return start;
        }
        if (base.config().hasShortcuts()) {
            throw new IllegalArgumentException(
                    "routers are to begin at ShortGPT's plan, but the stream of " + base.name()
                            + " changes its basis at each module, so ShortGPT cannot rank it: use options.withDenseStart(), or"
                            + " withPlanStart(…) with a plan of another criterion");
        }
        Ranking ranking = Ranking.shortGpt(base, calibration(), Ranking.FinalNorm.INCLUDED, observer);
        double gone = ranking.drop(0).parameterRatio();
        // A ratio is of what the model has; the target counts what it lacks already.
        double more = Math.max(0, (target - gone) / (1 - gone));
        return start.leaningTo(ranking.plan(Math.min(more, MOST_DROPPED)).dropped());
    }

    private List<int[]> calibration() {
        List<int[]> sequences = new ArrayList<>();
        long tokens = 0;
        for (long b = 0; tokens < CALIBRATION_TOKENS && sequences.size() < batches.rows(); b++) {
            for (int[] row : batches.batch(b)) {
                sequences.add(row);
                tokens += row.length;
            }
        }
        return sequences;
    }

    // The last steps change little, but noise still leaves them: what is skipped without it lies some points off the
    // target.
    LanguageModel atTarget(LanguageModel model, RoutedPolicy policy, Budget budget) {
        RoutedPolicy turned = policy.withThresholds(BudgetDial.thresholds(model, budget, held.first(TURNED_TOKENS)));
        return model.withPolicy(base.policy().withCore(turned));
    }

    // Routers take the place of other routers; what decides or drops in another way would silently be lost.
    static void refuseToReplace(LanguageModel model) {
        LayerPolicy core = model.policy().core();
        boolean loses = RoutedPolicy.in(core).isEmpty()
                && model.config().sites().stream().anyMatch(site -> !core.isConstant(site) || core.isDropped(site));
        if (loses) {
            throw new IllegalArgumentException("this model is " + model.policy().describe()
                    + ", and routers would take the place of what decides there: use withPolicy(LayerPolicy.dense())"
                    + " first, or drop its modules by a plan, which stays");
        }
    }

    private void refuseUnreachable(Budget budget) {
        double[] dropped = new double[2];
        for (ModuleSite site : base.config().sites()) {
            dropped[site.index() % 2] +=
                    base.policy().isDropped(site) ? 1.0 / base.config().layers() : 0;
        }
        double gone = budget.rate(base.config(), dropped[0], dropped[1]);
        if (gone > budget.target()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "a target of %.1f %% cannot be met: dropped modules alone are %.1f %% of what is counted; choose a"
                            + " target from there on, or drop less",
                    100 * budget.target(),
                    100 * gone));
        }
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
            return RivalTuning.mixture(new Tuning(model, documents, options, observer), form);
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
            return RivalTuning.dLlm(new Tuning(model, documents, options, observer), form);
        }
    }

    private Tuned learnAdapter(String method) {
        try (NDManager work = base.scope()) {
            LoopConfig loop = options.loop().withRate(options.loraRate());
            Adapter start = Lora.init(work, base.config(), options.lora(), loop.seed());
            LanguageModel learning = base.withAdapter(start);
            Budget counted = options.routing().budget();
            Optional<KeptShare> kept =
                    options.keepShare() && RoutedPolicy.in(base.policy()).isPresent()
                            ? Optional.of(KeptShare.of(work, base, counted, held.sequences()))
                            : Optional.empty();
            LoraTuning tuning = new LoraTuning(
                    learning,
                    options.lora(),
                    loop,
                    batches,
                    options.routing().recompute(),
                    batches.hash(),
                    options.sampling(),
                    Teacher.of(base.decoder(), options.routing().distill()),
                    kept);
            TrainingRun run;
            try (tuning) {
                Supplier<LanguageModel> now =
                        () -> kept.map(k -> learning.withPolicy(k.policy())).orElse(learning);
                run = run(tuning, loop, now, Budget.of(0).withKind(counted.kind()), work);
            } finally {
                free(learning);
            }
            LanguageModel model = base.withPolicy(kept.map(KeptShare::policy).orElse(base.policy()))
                    .withAdapter(Lora.copy(start, owner));
            return tuned(method, model, run, Optional.empty(), Optional.of(options.lora()));
        }
    }

    // The forward pass of an adapter that learned; its result has one of its own.
    void free(LanguageModel learning) {
        if (learning.decoder() != base.decoder()) {
            learning.decoder().close();
        }
    }

    TrainingRun run(
            Objective objective, LoopConfig loop, Supplier<LanguageModel> learning, Budget budget, NDManager work) {
        // Always packed, since a choice by measured costs could change the last digits of a column from run to run.
        Objective whole =
                new Evaluated(objective, () -> held.measure(learning.get().alwaysPacked(), budget));
        return TrainingLoop.run(whole, loop, work, observer);
    }

    Tuned tuned(
            String method, LanguageModel model, TrainingRun run, Optional<Budget> budget, Optional<LoraConfig> lora) {
        Provenance provenance = Provenance.of(
                        method + " · " + budget.map(Budget::toString).orElse("no budget") + " · " + options)
                .withSeed(options.loop().seed())
                .withModel(base.name(), baseHash)
                .withData(batches.rows() + " rows, " + batches.tokens() + " tokens", batches.hash())
                .withDevice(
                        model.device().toString().replace("()", ""),
                        model.dtype().toString(),
                        Torch.threads())
                .withSeconds(run.seconds());
        // What was learned before an interrupt is measured, too; the flag is the caller's to see afterwards.
        boolean interrupted = Thread.interrupted();
        SparsityReport sparsity = SparsityReport.of(model, held.sequences());
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return new Tuned(method, model, run, sparsity, budget, lora, provenance);
    }
}
