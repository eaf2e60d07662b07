package org.skipgpt.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Column;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.Budget;

/**
 * Routers tuned from several seeds, and those to keep: their loss on documents kept back is least.
 *
 * <p>On a pretrained model seeds differ more than recipes do (docs/recipe.md). Each seed draws its own order of documents, routers
 * and noise, and all are measured on the same documents, at one share, because thresholds are turned to the target on them.
 *
 * <pre>{@code
 * var trials = bestOfSeeds(model, List.of(43L, 44L, 45L), texts, 0.25, TuningOptions.practical(), progress -> {});
 * save(trials.best(), "skipgpt-25");
 * }</pre>
 *
 * @param best of the seed with the least loss
 * @param trials all seeds, in the order they were tried
 */
public record SeedTrials(Tuned best, List<Trial> trials) implements Report {
    /**
     * One seed.
     *
     * @param seed of everything drawn
     * @param loss next-token loss on the documents kept back, in nats a token
     * @param skipped share of the budget's kind that is skipped there, 0..1
     * @param seconds wall time of its tuning in this call
     */
    public record Trial(long seed, double loss, double skipped, double seconds) {}

    /** Copies the list. */
    public SeedTrials {
        trials = List.copyOf(trials);
    }

    /**
     * Tunes routers once a seed, one after another. With checkpoints each seed has a folder of its own, {@code seed-43}, and the same
     * call goes on where it was stopped. An interrupt ends the trials: the seeds that were finished are compared, or, where none
     * was, what the first had learned is given.
     *
     * @param target share to skip, 0..1
     * @param documents text; the last ones are kept back to measure on
     * @param options their seed is not used
     * @throws IllegalArgumentException if a seed is named twice or none is, if nothing is kept back, or if thresholds do not keep
     *     the share, since losses at unlike shares say nothing
     */
    public static SeedTrials run(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            List<Long> seeds,
            ProgressObserver observer) {
        check(documents, options, seeds);
        Budget budget = options.routing().budget().withTarget(target);
        HeldOut kept = TuningStage.kept(model, documents, options);
        List<Trial> trials = new ArrayList<>();
        Optional<Tuned> best = Optional.empty();
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < seeds.size() && !(Thread.currentThread().isInterrupted() && i > 0); i++) {
            String which = " · seed " + seeds.get(i) + ", " + (i + 1) + " of " + seeds.size();
            Tuned tuned;
            try {
                tuned = Tuning.routers(model, target, documents, of(options, seeds.get(i)), named(observer, which));
            } catch (CancellationException e) {
                // Before the first step there is nothing of this seed to give, but what others learned stays.
                if (best.isEmpty()) {
                    throw e;
                }
                break;
            }
            if (tuned.run().isStopped() && best.isPresent()) {
                break;
            }
            Trial trial = measured(tuned, seeds.get(i), kept, budget);
            trials.add(trial);
            if (best.isEmpty() || trial.loss() < least) {
                best = Optional.of(tuned);
                least = trial.loss();
            }
        }
        return new SeedTrials(best.orElseThrow(), trials);
    }

    private static void check(List<String> documents, TuningOptions options, List<Long> seeds) {
        if (seeds.isEmpty() || new HashSet<>(seeds).size() < seeds.size()) {
            throw new IllegalArgumentException(
                    "seeds " + seeds + " are not allowed: give at least one, none twice, e.g. List.of(43L, 44L, 45L)");
        }
        if (!options.keepShare()) {
            throw new IllegalArgumentException("seeds are compared by their losses, which say nothing at unlike shares:"
                    + " use options.withKeptShare(true), as TuningOptions.practical() has it");
        }
        if (TuningStage.keptCount(documents, options) == 0) {
            throw new IllegalArgumentException("seeds are compared on documents kept back, but of "
                    + documents.size() + " documents and heldOut " + options.heldOut()
                    + " none is: give at least 10 documents, and options.withHeldOut(32)");
        }
    }

    private static TuningOptions of(TuningOptions options, long seed) {
        TuningOptions own = options.withSeed(seed);
        LoopConfig loop = options.loop();
        if (loop.folder().isEmpty()) {
            return own;
        }
        Path folder = loop.folder().get().path().resolve("seed-" + seed);
        return loop.isShared()
                ? own.withWorkers(folder, loop.saveEvery())
                : own.withCheckpoints(folder, loop.saveEvery());
    }

    private static Trial measured(Tuned tuned, long seed, HeldOut kept, Budget budget) {
        // What was learned before an interrupt is measured, too; the flag is the caller's to see afterwards.
        boolean interrupted = Thread.interrupted();
        Map<String, Double> found = kept.measure(tuned.model().alwaysPacked(), budget);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return new Trial(
                seed,
                Objects.requireNonNull(found.get(HeldOut.LOSS)),
                Objects.requireNonNull(found.get(HeldOut.SKIPPED)),
                tuned.run().seconds());
    }

    /** The observer, told which seed is at work. */
    private static ProgressObserver named(ProgressObserver observer, String which) {
        return new ProgressObserver() {
            @Override
            public void progress(Progress p) {
                observer.progress(new Progress(
                        p.task() + which, p.done(), p.total(), p.unit(), p.seconds(), p.note(), p.earlier()));
            }

            @Override
            public void figure(String key, Report figure) {
                observer.figure(key + which, figure);
            }

            @Override
            public boolean wantsFigure(String key) {
                return observer.wantsFigure(key + which);
            }
        };
    }

    /** A row a seed, the least loss first. */
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                best.method() + " from " + trials.size() + " seeds, on documents kept back",
                List.of(
                        Column.text("seed"),
                        Column.number("loss (nats)", 4).lowerIsBetter(),
                        Column.number("skipped (%)", 1),
                        Column.number("seconds", 0)));
        trials.stream()
                .sorted(Comparator.comparingDouble(Trial::loss))
                .forEach(t -> table.add(t.seed(), t.loss(), 100 * t.skipped(), t.seconds()));
        return table.build();
    }

    @Override
    public String text() {
        return table().text();
    }

    @Override
    public Optional<String> html() {
        return table().html();
    }

    @Override
    public String toString() {
        return text();
    }
}
