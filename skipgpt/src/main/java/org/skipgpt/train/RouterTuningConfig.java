package org.skipgpt.train;

import java.util.function.Consumer;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ExecutionBounds;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.LearningPolicy;
import org.skipgpt.route.Temperature;

/**
 * How routers are tuned.
 *
 * @param budget target and penalty
 * @param temperature of the straight-through gradient over optimizer steps
 * @param noiseStart factor on the Gumbel noise at the first step; 1 in the paper
 * @param noiseEnd the same at the last step, linear in between; 1 keeps it, as in the paper
 * @param forced rows that always execute
 * @param bounds fewest and most rows that execute
 * @param kv which keys and values skipped tokens leave
 * @param sparseBackward leave out backward work that is exactly zero; joint tuning always runs all of it
 * @param rho share of skipping rows computed for the gates' gradient; 1 is exact; below 1 in the routers' stage only
 * @param recompute keep layer inputs only and run each layer twice
 * @param dropout before the factors of an adapter that learns too
 * @param schedule how the share to skip reaches the budget's target
 * @param distill share of the loss that asks for the dense model's own next-token distribution instead of the text's next
 *     token: {@code (1 - distill) CE + distill KL(dense || this)}; 0 in the paper
 */
public record RouterTuningConfig(
        Budget budget,
        Temperature temperature,
        double noiseStart,
        double noiseEnd,
        ForcedExecution forced,
        ExecutionBounds bounds,
        KvPolicy kv,
        boolean sparseBackward,
        double rho,
        boolean recompute,
        double dropout,
        TargetSchedule schedule,
        double distill) {
    /** Checks the ranges. */
    public RouterTuningConfig {
        if (!(distill >= 0 && distill <= 1)) {
            throw new IllegalArgumentException("router tuning: distill " + distill
                    + " must be a share of the loss from 0 (the text alone) to 1 (the dense model alone)");
        }
        if (!(noiseStart >= 0 && noiseStart <= 1)
                || !(noiseEnd >= 0 && noiseEnd <= 1)
                || !(rho > 0 && rho <= 1)
                || !(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("router tuning: noise " + noiseStart + " to " + noiseEnd
                    + " must be in 0..1, rho " + rho
                    + " above 0 up to 1, dropout " + dropout + " from 0 up to but not 1");
        }
        if (rho < 1 && !sparseBackward) {
            throw new IllegalArgumentException("router tuning: rho " + rho
                    + " samples the rows that skip, which the full backward pass has no part for: use"
                    + " withSparseBackward(true), or withRho(1)");
        }
    }

    /** The paper's: alpha 8, temperature 5 to 1, exact. */
    public static RouterTuningConfig paper(double target) {
        return new RouterTuningConfig(
                Budget.of(target),
                Temperature.paper(),
                1,
                1,
                ForcedExecution.none(),
                ExecutionBounds.none(),
                KvPolicy.KEEP,
                true,
                1,
                false,
                0.1,
                TargetSchedule.whole(),
                0);
    }

    /** The authors' code: alpha 20; their loop differs too, see {@link #officialLoop}. */
    public static RouterTuningConfig official(double target) {
        return paper(target).withBudget(Budget.of(target).withAlpha(20));
    }

    /** The paper's loop: 10,000 steps of 16 sequences, constant 2e-3, AdamW 0.9/0.95. */
    public static LoopConfig paperLoop() {
        return LoopConfig.defaults().withSteps(10_000).withAccumulation(16);
    }

    /** The authors' loop: 8 micro-batches of one sequence, cosine 2e-3 with warm-up 0.1, AdamW 0.9/0.999. */
    public static LoopConfig officialLoop() {
        return LoopConfig.defaults()
                .withSteps(10_000)
                .withAccumulation(8)
                .withBeta2(0.999)
                .withRate(LearningRate.cosine(2e-3, 0.1));
    }

    /** With another budget. */
    public RouterTuningConfig withBudget(Budget b) {
        return with(d -> d.budget = b);
    }

    /** With another temperature. */
    public RouterTuningConfig withTemperature(Temperature t) {
        return with(d -> d.temperature = t);
    }

    /** With noise times a factor that goes from one value to another; 1 and 1 in the paper. */
    public RouterTuningConfig withNoise(double start, double end) {
        return with(d -> {
            d.noiseStart = start;
            d.noiseEnd = end;
        });
    }

    /** With rows that always execute. */
    public RouterTuningConfig withForced(ForcedExecution f) {
        return with(d -> d.forced = f);
    }

    /** With bounds. */
    public RouterTuningConfig withBounds(ExecutionBounds b) {
        return with(d -> d.bounds = b);
    }

    /** Under another K/V policy. */
    public RouterTuningConfig withKvPolicy(KvPolicy k) {
        return with(d -> d.kv = k);
    }

    /** With or without the backward work that is zero. */
    public RouterTuningConfig withSparseBackward(boolean on) {
        return with(d -> d.sparseBackward = on);
    }

    /** With sampled skipping rows. */
    public RouterTuningConfig withRho(double share) {
        return with(d -> d.rho = share);
    }

    /** With or without recomputation. */
    public RouterTuningConfig withRecompute(boolean on) {
        return with(d -> d.recompute = on);
    }

    /** With another dropout of a learning adapter. */
    public RouterTuningConfig withDropout(double p) {
        return with(d -> d.dropout = p);
    }

    /** With a target that is reached in another way. */
    public RouterTuningConfig withSchedule(TargetSchedule s) {
        return with(d -> d.schedule = s);
    }

    /** With another share of the loss that follows the dense model's distribution. */
    public RouterTuningConfig withDistill(double share) {
        return with(d -> d.distill = share);
    }

    /** The share to skip asked for at a step. */
    public double target(long step, long steps) {
        return schedule.at(budget.target(), step, steps);
    }

    LearningPolicy.Setting setting(long step, long steps) {
        double noise = noiseStart + (noiseEnd - noiseStart) * step / Math.max(1, steps);
        return new LearningPolicy.Setting(
                temperature.at(step, steps), noise, forced, bounds, kv, 0, budget.positions());
    }

    // A knob that comes later is told with the value it had before it could be changed, so that saved runs go on.
    Identity identity(String kind) {
        return Identity.of(kind)
                .with("budget", budget.identity())
                .with("temperature", temperature)
                .with("noiseStart", noiseStart)
                .with("noiseEnd", noiseEnd)
                .with("forced", forced)
                .with("bounds", bounds)
                .with("kv", kv)
                .with("sparseBackward", sparseBackward)
                .with("rho", rho)
                .with("recompute", recompute)
                .with("dropout", dropout)
                .with("schedule", schedule)
                .with("distill", distill);
    }

    private RouterTuningConfig with(Consumer<Draft> change) {
        Draft d = new Draft(this);
        change.accept(d);
        return new RouterTuningConfig(
                d.budget,
                d.temperature,
                d.noiseStart,
                d.noiseEnd,
                d.forced,
                d.bounds,
                d.kv,
                d.sparseBackward,
                d.rho,
                d.recompute,
                d.dropout,
                d.schedule,
                d.distill);
    }

    /** The fields while they change. */
    private static final class Draft {
        private Budget budget;
        private Temperature temperature;
        private double noiseStart;
        private double noiseEnd;
        private ForcedExecution forced;
        private ExecutionBounds bounds;
        private KvPolicy kv;
        private boolean sparseBackward;
        private double rho;
        private boolean recompute;
        private double dropout;
        private TargetSchedule schedule;
        private double distill;

        Draft(RouterTuningConfig from) {
            budget = from.budget;
            temperature = from.temperature;
            noiseStart = from.noiseStart;
            noiseEnd = from.noiseEnd;
            forced = from.forced;
            bounds = from.bounds;
            kv = from.kv;
            sparseBackward = from.sparseBackward;
            rho = from.rho;
            recompute = from.recompute;
            dropout = from.dropout;
            schedule = from.schedule;
            distill = from.distill;
        }
    }
}
