package org.skipgpt.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Controller;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Temperature;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.shape.Projection;

/**
 * Everything about tuning but the model, the target and the text; the same object serves every stage.
 *
 * <pre>{@code
 * TuningOptions.workshop().withSteps(300).withSeed(7)
 * }</pre>
 *
 * @param loop steps, optimizer, seed, checkpoints; its rate is the routers'
 * @param loraRate learning rate where only an adapter learns; in joint tuning the adapter learns slower than the routers
 *     by the ratio of the two peaks
 * @param sequences rows of a micro-batch
 * @param length most tokens of a row
 * @param packed join documents into full rows; otherwise a document is a row
 * @param heldOut documents kept back, from the end, to measure on; never more than a tenth of all
 * @param router form of fresh routers
 * @param start where fresh routers begin
 * @param routing how routers learn; its target is given beside it
 * @param lora form of a fresh adapter in stage 2 and in the dense control
 * @param jointLora form of a fresh adapter that learns together with routers
 * @param sampling how frozen routers decide in stage 2
 * @param keepShare the routers' thresholds keep the share that is skipped: after stage 1 they are turned until documents kept
 *     back skip the target, in stage 2 they follow the stream; not so in the paper, where both drift
 */
public record TuningOptions(
        LoopConfig loop,
        LearningRate loraRate,
        int sequences,
        int length,
        boolean packed,
        int heldOut,
        RouterConfig router,
        RouterStart start,
        RouterTuningConfig routing,
        LoraConfig lora,
        LoraConfig jointLora,
        Sampling sampling,
        boolean keepShare) {
    /** Checks the fields that have no check of their own; all faults are told at once. */
    public TuningOptions {
        List<String> faults = new ArrayList<>();
        if (sequences < 1) {
            faults.add("sequences " + sequences + " must be 1 or more; use withBatch(8, 128)");
        }
        if (length < 2) {
            faults.add("length " + length + " must be 2 tokens or more, since a loss needs a next token");
        }
        if (heldOut < 0) {
            faults.add("heldOut " + heldOut + " must be 0 or more");
        }
        if (keepShare && sampling == Sampling.GUMBEL) {
            faults.add("keepShare moves the thresholds of a decision that drawn decisions have none of; use"
                    + " withSampling(Sampling.ARGMAX), or withKeptShare(false)");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("tuning options: " + String.join("; ", faults));
        }
    }

    /**
     * For a small model and a few minutes on a laptop: 200 steps of 8 rows of up to 128 tokens.
     *
     * <p>Deviation: far fewer steps than the paper's, so the rates are higher.
     */
    public static TuningOptions workshop() {
        return paper().withLoop(LoopConfig.defaults().withSteps(200).withEvaluateEvery(50))
                .withRouterRate(LearningRate.constant(1e-2))
                .withLoraRate(LearningRate.cosine(1e-3, 0.1))
                .withBatch(8, 128)
                .withHeldOut(32);
    }

    /**
     * What has worked best on a pretrained model within minutes: 300 steps of 2 rows of up to 128 tokens. Seeds differ much; keep
     * the best of several.
     *
     * <p>Deviation: routers begin at ShortGPT's plan for the target and read a normed stream, the loss follows the dense model's
     * distribution, the target counts parameters, a controller finds how hard to pull, the noise falls to 0 and the rate along
     * a cosine; thresholds keep the share that is skipped. The paper's settings, scaled to as many steps, end at chance on a
     * pretrained model of 135M parameters; docs/recipe.md has the measurements.
     */
    public static TuningOptions practical() {
        RouterTuningConfig routing = RouterTuningConfig.paper(0.25)
                .withTemperature(new Temperature.Constant(1))
                .withNoise(1, 0)
                .withSchedule(TargetSchedule.whole())
                .withDistill(1);
        return paper().withLoop(LoopConfig.defaults().withSteps(300).withEvaluateEvery(50))
                .withRouterRate(LearningRate.cosine(1e-3, 0.05))
                .withLoraRate(LearningRate.cosine(1e-3, 0.1))
                .withBatch(2, 128)
                .withHeldOut(32)
                .withRouter(RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS))
                .withStart(RouterStart.executing().atPlan())
                .withKeptShare(true)
                .withRouting(routing.withBudget(
                        Budget.of(0.25).withKind(Budget.Kind.PARAMS).withController(Controller.integral())));
    }

    /**
     * What has worked best of all on a pretrained model, where its weights may be corrected, too: routers that learn beside a wide
     * adapter, both at half of {@link #practical}'s rates, in 480 steps.
     *
     * <p>Deviation: as {@link #practical}; and the paper's joint tuning has an adapter of rank 16 on queries and values, and stands
     * behind its two stages. At the whole rates one seed of two lost what it had after 100 steps; docs/recipe.md has the rows.
     *
     * <pre>{@code
     * var tuned = tuneJoint(model, texts, 0.25, TuningOptions.practicalJoint(), observer);
     * }</pre>
     */
    public static TuningOptions practicalJoint() {
        return practical()
                .withWideAdapter()
                .withSteps(480)
                .withRouterRate(LearningRate.cosine(5e-4, 0.05))
                .withLoraRate(LearningRate.cosine(5e-4, 0.1));
    }

    /**
     * The paper's: 10,000 steps of 16 documents of up to 4,096 tokens; routers constant 2e-3, alpha 8, temperature 5 to
     * 1; LoRA 2e-4 with warm-up 0.1 and cosine on q, v, gate; argmax in stage 2; AdamW 0.9/0.95.
     */
    public static TuningOptions paper() {
        return new TuningOptions(
                RouterTuningConfig.paperLoop(),
                LearningRate.cosine(2e-4, 0.1),
                1,
                4096,
                false,
                64,
                RouterConfig.defaults(),
                RouterStart.even(),
                RouterTuningConfig.paper(0.25),
                LoraConfig.defaults(),
                LoraConfig.joint(),
                Sampling.ARGMAX,
                false);
    }

    /**
     * The authors' training code, where it differs from the paper: 8 documents a step, routers cosine 2e-3 with warm-up
     * 0.1, AdamW 0.9/0.999, alpha 20, MLP routers that read the layer's input, noisy decisions in stage 2.
     */
    public static TuningOptions official() {
        return paper().withLoop(RouterTuningConfig.officialLoop())
                .withRouter(RouterConfig.official())
                .withRouting(RouterTuningConfig.official(0.25))
                .withSampling(Sampling.GUMBEL);
    }

    /**
     * The authors' code of D-LLM: 8 rows of up to 1,024 tokens a step; routers and adapter 2.8e-4 with warm-up 0.2 and cosine, decay
     * 0.02; rank 8 on q, k, v. They learn from instructions for 10 epochs; steps are those of {@link #paper}.
     */
    public static TuningOptions dLlm() {
        LearningRate rate = LearningRate.cosine(2.8e-4, 0.2);
        return paper().withLoop(LoopConfig.defaults()
                        .withSteps(paper().loop().steps())
                        .withDecay(0.02)
                        .withClip(0)
                        .withRate(rate))
                .withLoraRate(rate)
                .withBatch(8, 1024)
                .withJointLora(new LoraConfig(8, 8, 0.05, Set.of(Projection.Q, Projection.K, Projection.V)));
    }

    /** With other settings of the loop; its rate is the routers'. */
    public TuningOptions withLoop(LoopConfig other) {
        return with(d -> d.loop = other);
    }

    /** With other steps. */
    public TuningOptions withSteps(long n) {
        return withLoop(loop.withSteps(n));
    }

    /** With another seed of everything drawn. */
    public TuningOptions withSeed(long seed) {
        return withLoop(loop.withSeed(seed));
    }

    /** Saved into a folder every so many steps; a run found there is continued. One folder a run. */
    public TuningOptions withCheckpoints(Path folder, long every) {
        return withLoop(loop.withCheckpoints(folder, every));
    }

    /**
     * Made by every process that runs it with this folder, each taking micro-batches of a step as it comes to them; all end with
     * the same result, that of one process. See docs/spark.md.
     *
     * <pre>{@code
     * tuneRouters(model, texts, 0.25, TuningOptions.practical().withAccumulation(8).withWorkers(Path.of("/shared/run"), 20), observer)
     * }</pre>
     */
    public TuningOptions withWorkers(Path folder, long every) {
        return withLoop(loop.withWorkers(folder, every));
    }

    /** With another number of micro-batches a step. */
    public TuningOptions withAccumulation(int microBatches) {
        return withLoop(loop.withAccumulation(microBatches));
    }

    /** With another rate of the routers. */
    public TuningOptions withRouterRate(LearningRate rate) {
        return withLoop(loop.withRate(rate));
    }

    /** With another rate of an adapter that learns alone. */
    public TuningOptions withLoraRate(LearningRate rate) {
        return with(d -> d.loraRate = rate);
    }

    /** With other micro-batches: rows, and most tokens of each. */
    public TuningOptions withBatch(int rows, int tokens) {
        return with(d -> {
            d.sequences = rows;
            d.length = tokens;
        });
    }

    /** With documents joined into full rows, or one a row. */
    public TuningOptions withPacked(boolean on) {
        return with(d -> d.packed = on);
    }

    /** With another number of documents kept back. */
    public TuningOptions withHeldOut(int documents) {
        return with(d -> d.heldOut = documents);
    }

    /** With another form of fresh routers. */
    public TuningOptions withRouter(RouterConfig other) {
        return with(d -> d.router = other);
    }

    /** With fresh routers that begin elsewhere. */
    public TuningOptions withStart(RouterStart other) {
        return with(d -> d.start = other);
    }

    /**
     * Routers begin at a static plan and the target holds from the first step on: they learn for which tokens to execute
     * what the plan drops, and what to skip instead. Without a plan of one's own, {@link #practical()} begins at ShortGPT's.
     *
     * <pre>{@code
     * TuningOptions.practical().withPlanStart(jointLayerDrop(model, texts, 0.25).dropped())
     * }</pre>
     *
     * @param dropped modules of a plan at about the target's share
     */
    public TuningOptions withPlanStart(List<ModuleSite> dropped) {
        return withStart(start.leaningTo(dropped)).withRouting(routing.withSchedule(TargetSchedule.whole()));
    }

    /**
     * Routers begin almost dense and the target grows over the first half of the steps, for models that ShortGPT cannot rank.
     * On SmolLM2-135M it was still behind a start at a plan after nearly four times its tokens; docs/recipe.md has the rows.
     */
    public TuningOptions withDenseStart() {
        return withStart(RouterStart.executing()).withRouting(routing.withSchedule(new TargetSchedule.Ramp(0.5)));
    }

    /**
     * For routers that {@code fitRouters} made: half the rate, and noise from a half, which leave what was measured standing.
     *
     * <pre>{@code
     * tuneRouters(fitRouters(model, texts, 0.25), texts, 0.25, TuningOptions.practical().withFittedRouters(), observer)
     * }</pre>
     */
    public TuningOptions withFittedRouters() {
        return withRouterRate(LearningRate.cosine(loop.rate().peak() / 2, 0.05)).withRouting(routing.withNoise(0.5, 0));
    }

    /** With another way of learning routers. */
    public TuningOptions withRouting(RouterTuningConfig other) {
        return with(d -> d.routing = other);
    }

    /** Tuned under another K/V policy. */
    public TuningOptions withKvPolicy(KvPolicy kv) {
        return withRouting(routing.withKvPolicy(kv));
    }

    /** With another form of a fresh adapter, in stage 2 and in the dense control. */
    public TuningOptions withLora(LoraConfig other) {
        return with(d -> d.lora = other);
    }

    /** With another form of a fresh adapter in joint tuning. */
    public TuningOptions withJointLora(LoraConfig other) {
        return with(d -> d.jointLora = other);
    }

    /**
     * With {@link LoraConfig#wide} wherever an adapter is fresh: in joint tuning ({@link #practicalJoint}), in stage 2, in recovery
     * and in the dense control.
     *
     * <pre>{@code
     * recover(drop(model, shortGpt(model, texts, 0.25)), texts, TuningOptions.practical().withWideAdapter(), observer)
     * }</pre>
     */
    public TuningOptions withWideAdapter() {
        return withLora(LoraConfig.wide()).withJointLora(LoraConfig.wide());
    }

    /** With another way frozen routers decide in stage 2. */
    public TuningOptions withSampling(Sampling other) {
        return with(d -> d.sampling = other);
    }

    /**
     * With routers that learn to serve every share of a range by their thresholds, which {@code budgetDial} sets; the target is
     * then only where thresholds stand at the end.
     *
     * <pre>{@code
     * var tuned = tuneRouters(model, texts, 0.25, TuningOptions.practical().withShares(0.1, 0.5), observer);
     * var dial = budgetDial(tuned.model(), texts, 0.1, 0.25, 0.5);
     * }</pre>
     */
    public TuningOptions withShares(double low, double high) {
        return withRouting(routing.withSchedule(TargetSchedule.range(low, high)));
    }

    /** With thresholds that meet the target after stage 1 and keep the share in stage 2, or with both left to drift. */
    public TuningOptions withKeptShare(boolean on) {
        return with(d -> d.keepShare = on);
    }

    private TuningOptions with(Consumer<Draft> change) {
        Draft d = new Draft(this);
        change.accept(d);
        return new TuningOptions(
                d.loop,
                d.loraRate,
                d.sequences,
                d.length,
                d.packed,
                d.heldOut,
                d.router,
                d.start,
                d.routing,
                d.lora,
                d.jointLora,
                d.sampling,
                d.keepShare);
    }

    /** The fields while they change. */
    private static final class Draft {
        private LoopConfig loop;
        private LearningRate loraRate;
        private int sequences;
        private int length;
        private boolean packed;
        private int heldOut;
        private RouterConfig router;
        private RouterStart start;
        private RouterTuningConfig routing;
        private LoraConfig lora;
        private LoraConfig jointLora;
        private Sampling sampling;
        private boolean keepShare;

        Draft(TuningOptions from) {
            loop = from.loop;
            loraRate = from.loraRate;
            sequences = from.sequences;
            length = from.length;
            packed = from.packed;
            heldOut = from.heldOut;
            router = from.router;
            start = from.start;
            routing = from.routing;
            lora = from.lora;
            jointLora = from.jointLora;
            sampling = from.sampling;
            keepShare = from.keepShare;
        }
    }
}
