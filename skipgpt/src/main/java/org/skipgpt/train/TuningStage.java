package org.skipgpt.train;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
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
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Routers;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.torch.Torch;

/**
 * One stage of tuning: the text it learns from and the text it is measured on, the loop, and what comes out.
 *
 * <p>What learns are copies; the owner of what was learned outlives the stage.
 */
final class TuningStage {
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

    /**
     * A stage on a model and text.
     *
     * @param base what is tuned; it stays as it is
     */
    TuningStage(LanguageModel base, List<String> documents, TuningOptions options, ProgressObserver observer) {
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

    /** Routers learn, and with the shape of one an adapter beside them. */
    Tuned learnRouters(Budget budget, Optional<LoraConfig> joint) {
        refuseToReplace(base);
        refuseOtherPositions(budget);
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
            RoutedPolicy live = RoutedPolicy.of(gate, start)
                    .withForced(config.forced())
                    .withKvPolicy(config.kv())
                    .withPositions(budget.positions());
            TrainingRun run;
            try (tuning) {
                LanguageModel seen = learning.withPolicy(base.policy().withCore(live));
                run = run(tuning, loop, () -> seen, budget, work);
            } finally {
                free(learning);
            }
            Routers tuned = start.copy(owner);
            RoutedPolicy policy = RoutedPolicy.of(gate, tuned)
                    .withForced(config.forced())
                    .withKvPolicy(config.kv())
                    .withPositions(budget.positions());
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

    private void refuseOtherPositions(Budget budget) {
        RoutedPolicy.in(base.policy()).map(RoutedPolicy::positions).ifPresent(begun -> {
            if (!begun.equals(budget.positions())) {
                throw new IllegalArgumentException("the model's routers decide by " + begun
                        + ", but the budget asks for "
                        + budget.positions() + ": go on with the same, by Budget.withPositions, or give the routers"
                        + " others first, by RoutedPolicy.withPositions");
            }
        });
    }

    private void refuseUnreachable(Budget budget) {
        double[] dropped = base.config().sites().stream()
                .mapToDouble(site -> base.policy().isDropped(site) ? 1 : 0)
                .toArray();
        double gone = budget.rate(base.config(), dropped);
        if (gone > budget.target()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "a target of %.1f %% cannot be met: dropped modules alone are %.1f %% of what is counted; choose a"
                            + " target from there on, or drop less",
                    100 * budget.target(),
                    100 * gone));
        }
    }

    /** A fresh adapter learns under the policy as it is. */
    Tuned learnAdapter(String method) {
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
                run = run(tuning, loop, now, counted.withTarget(0), work);
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
