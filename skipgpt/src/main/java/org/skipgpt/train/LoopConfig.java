package org.skipgpt.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How a run is stepped: everything the loop itself needs to know.
 *
 * @param steps optimizer steps
 * @param accumulation micro-batches a step
 * @param rate learning rate of each step
 * @param beta1 AdamW's first decay, SkipGPT: 0.9
 * @param beta2 AdamW's second decay, SkipGPT: 0.95
 * @param epsilon AdamW's epsilon
 * @param decay decoupled weight decay
 * @param clip largest global gradient norm; 0 for no clipping
 * @param seed of everything the run draws
 * @param evaluateEvery steps between evaluations; 0 for none
 * @param saveEvery steps between checkpoints; 0 for only at the end
 * @param folder where checkpoints go; none keeps nothing
 */
public record LoopConfig(
        long steps,
        int accumulation,
        LearningRate rate,
        double beta1,
        double beta2,
        double epsilon,
        double decay,
        double clip,
        long seed,
        long evaluateEvery,
        long saveEvery,
        Optional<RunFolder> folder) {
    /** Checks every field; all faults are told at once. */
    public LoopConfig {
        List<String> faults = new ArrayList<>();
        check(faults, steps > 0, "steps " + steps + " must be above 0");
        check(faults, accumulation > 0, "accumulation " + accumulation + " must be above 0");
        check(faults, beta1 >= 0 && beta1 < 1, "beta1 " + beta1 + " must be in 0..1");
        check(faults, beta2 >= 0 && beta2 < 1, "beta2 " + beta2 + " must be in 0..1");
        check(faults, clip >= 0, "clip " + clip + " must be 0 (off) or above");
        check(faults, evaluateEvery >= 0 && saveEvery >= 0, "evaluateEvery and saveEvery must be 0 (off) or above");
        check(
                faults,
                saveEvery > 0 || !folder.map(RunFolder::isShared).orElse(false),
                "workers save every " + saveEvery
                        + " steps, but must every 1 or more, since gradients are kept until then");
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("training loop: " + String.join("; ", faults));
        }
    }

    /** Whether several processes make the run together. */
    public boolean isShared() {
        return folder.map(RunFolder::isShared).orElse(false);
    }

    private static void check(List<String> faults, boolean right, String fault) {
        if (!right) {
            faults.add(fault);
        }
    }

    /** SkipGPT's optimizer: AdamW 0.9/0.95, decay 0.01, clip 1, constant rate 2e-3, one micro-batch, 1,000 steps. */
    public static LoopConfig defaults() {
        return new LoopConfig(
                1000, 1, LearningRate.constant(2e-3), 0.9, 0.95, 1e-8, 0.01, 1, 43, 0, 0, Optional.empty());
    }

    /** The same with other steps. */
    public LoopConfig withSteps(long n) {
        return with(d -> d.steps = n);
    }

    /** The same with more micro-batches a step. */
    public LoopConfig withAccumulation(int n) {
        return with(d -> d.accumulation = n);
    }

    /** The same with another learning rate. */
    public LoopConfig withRate(LearningRate r) {
        return with(d -> d.rate = r);
    }

    /** The same with another weight decay. */
    public LoopConfig withDecay(double w) {
        return with(d -> d.decay = w);
    }

    /** The same with another second decay. */
    public LoopConfig withBeta2(double b) {
        return with(d -> d.beta2 = b);
    }

    /** The same with another largest gradient norm. */
    public LoopConfig withClip(double c) {
        return with(d -> d.clip = c);
    }

    /** The same with another seed. */
    public LoopConfig withSeed(long s) {
        return with(d -> d.seed = s);
    }

    /** The same, evaluated every so many steps. */
    public LoopConfig withEvaluateEvery(long n) {
        return with(d -> d.evaluateEvery = n);
    }

    /** The same, saved into a folder every so many steps and at the end; a run found there is continued. */
    public LoopConfig withCheckpoints(Path where, long every) {
        return with(d -> {
            d.folder = Optional.of(new RunFolder(where, false));
            d.saveEvery = every;
        });
    }

    /**
     * The same, made by every process that runs it with this folder: they divide each step's micro-batches among themselves, as many
     * as there are, and all end with the same numbers. One that dies costs the micro-batch it was at; one that comes late begins
     * at what was saved last.
     *
     * <pre>{@code
     * LoopConfig.defaults().withAccumulation(8).withWorkers(Path.of("/shared/run"), 20)
     * }</pre>
     *
     * @param where a folder that all of them see; a run found there is continued
     * @param every steps between checkpoints, 1 or more; gradients of all steps since the last one are kept
     */
    public LoopConfig withWorkers(Path where, long every) {
        return with(d -> {
            d.folder = Optional.of(new RunFolder(where, true));
            d.saveEvery = every;
        });
    }

    private LoopConfig with(Consumer<Draft> change) {
        Draft d = new Draft(this);
        change.accept(d);
        return new LoopConfig(
                d.steps,
                d.accumulation,
                d.rate,
                beta1,
                d.beta2,
                epsilon,
                d.decay,
                d.clip,
                d.seed,
                d.evaluateEvery,
                d.saveEvery,
                d.folder);
    }

    /** The fields that can be changed, while they are. */
    private static final class Draft {
        private long steps;
        private int accumulation;
        private LearningRate rate;
        private double beta2;
        private double decay;
        private double clip;
        private long seed;
        private long evaluateEvery;
        private long saveEvery;
        private Optional<RunFolder> folder;

        Draft(LoopConfig from) {
            steps = from.steps;
            accumulation = from.accumulation;
            rate = from.rate;
            beta2 = from.beta2;
            decay = from.decay;
            clip = from.clip;
            seed = from.seed;
            evaluateEvery = from.evaluateEvery;
            saveEvery = from.saveEvery;
            folder = from.folder;
        }
    }
}
