package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.skipgpt.io.FolderLock;
import org.skipgpt.model.InFlight;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.StopOnExit;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one loop: micro-batches, clipping, AdamW, log, evaluation, checkpoints, interruption.
 *
 * <p>Everything a step draws comes from the seed and the step's number, so a continued run gives the numbers of an
 * uninterrupted one. An interrupt, or the end of the process, ends the run within one native call with its last whole
 * step saved.
 *
 * <pre>{@code
 * TrainingRun run = TrainingLoop.run(objective, LoopConfig.defaults().withSteps(300), manager, ProgressObserver.silent());
 * }</pre>
 */
public final class TrainingLoop {
    private static final Logger LOG = LoggerFactory.getLogger(TrainingLoop.class);

    private final Objective objective;
    private final LoopConfig config;
    private final NDManager manager;
    private final ProgressObserver observer;
    private final AdamW optimizer;
    private final WeightStore store;
    private final Map<String, NDArray> state = new LinkedHashMap<>();
    private final long started = System.nanoTime();
    private final Optional<Path> kept; // where states go
    private Optional<SharedSteps> others = Optional.empty();
    private TrainingLog log = new TrainingLog();
    private long step; // steps that are done
    private long first; // steps an earlier run had done
    private boolean isDrawn;

    private TrainingLoop(Objective objective, LoopConfig config, NDManager manager, ProgressObserver observer) {
        this.objective = objective;
        this.config = config;
        this.manager = manager;
        this.observer = observer;
        this.kept = config.folder().map(RunFolder::path);
        this.optimizer = new AdamW(manager, objective.parameters(), objective::rateFactor, config);
        this.store = new WeightStore(manager, Dtype.FP32);
        state.putAll(objective.parameters());
        state.putAll(optimizer.moments());
        state.putAll(objective.state());
    }

    /**
     * Runs, or continues what lies in the configuration's folder.
     *
     * @param manager owner of the optimizer's arrays; lives on the model's device
     * @throws NonFiniteLossException if the loss becomes NaN or infinite; the last good state stays saved
     */
    public static TrainingRun run(
            Objective objective, LoopConfig config, NDManager manager, ProgressObserver observer) {
        try (StopOnExit guard = new StopOnExit();
                InUse.Hold held = InUse.of(manager).hold();
                NDManager own = manager.newSubManager();
                var on = Torch.gradients(true)) {
            TrainingLoop loop = new TrainingLoop(objective, config, own, observer);
            return loop.run();
        }
    }

    private TrainingRun run() {
        if (kept.isEmpty()) {
            return steps();
        }
        Path folder = kept.get();
        if (config.isShared()) {
            try (SharedSteps joined = SharedSteps.join(config)) {
                others = Optional.of(joined);
                joined.withState(() -> begin(folder));
                return steps();
            }
        }
        // Two runs that save into one folder would each continue the other's state.
        SharedSteps.refuseWhereWorkersAre(folder);
        try (FolderLock lock = FolderLock.of(folder, "training")) {
            begin(folder);
            return steps();
        }
    }

    // Workers all begin at one state, be it that of the first one before its first step.
    private boolean begin(Path folder) {
        RunState.prepare(folder);
        boolean isFound = resume(folder);
        if (!isFound && others.isPresent()) {
            write(folder);
        }
        first = step;
        return isFound;
    }

    private boolean resume(Path folder) {
        try (var off = Torch.gradients(false)) {
            Optional<RunState.Loaded> saved = RunState.load(folder, state, store, identity());
            step = saved.map(RunState.Loaded::step).orElse(0L);
            log = saved.map(RunState.Loaded::log).orElse(log);
            others.ifPresent(o -> o.checkKept(step));
            return saved.isPresent();
        }
    }

    private TrainingRun steps() {
        while (step < config.steps() && !Thread.currentThread().isInterrupted()) {
            letFree();
            Optional<Map<String, Double>> done;
            try {
                done = step();
            } catch (CancellationException e) {
                // An interrupt within a step throws the step away: parameters change at its end only.
                objective.parameters().values().forEach(Gradients::clear);
                break;
            }
            if (done.isEmpty()) {
                resume(kept.orElseThrow());
                continue;
            }
            Map<String, Double> row = done.get();
            step++;
            if (config.evaluateEvery() > 0 && (step % config.evaluateEvery() == 0 || step == config.steps())) {
                evaluate(row);
            }
            log.add(row);
            if (config.saveEvery() > 0 && step % config.saveEvery() == 0) {
                save();
            }
            report(row);
        }
        boolean stopped = Thread.interrupted();
        if (step > first) {
            save();
        }
        if (isDrawn) {
            draw();
        }
        if (stopped) {
            Thread.currentThread().interrupt();
        }
        return new TrainingRun(objective.describe(), step, config, log, seconds(), stopped);
    }

    // Between steps the model may be freed by whoever waits for that.
    private void letFree() {
        InUse.of(manager).pause();
        if (!manager.isOpen()) {
            throw new IllegalStateException(objective.describe() + ": the model was closed while it learned; what was"
                    + " saved last stays, load the model again and go on from there");
        }
    }

    private void evaluate(Map<String, Double> row) {
        try (var off = Torch.gradients(false)) {
            row.putAll(others.map(o -> o.evaluation(step, objective::evaluate)).orElseGet(objective::evaluate));
        } catch (CancellationException e) {
            LOG.info("{}: interrupted while evaluating; the step is kept without its evaluation", objective.describe());
        }
    }

    // Empty where other workers are further than this one.
    private Optional<Map<String, Double>> step() {
        long begun = System.nanoTime();
        Map<String, Double> row = new LinkedHashMap<>();
        row.put("step", (double) step);
        Map<String, float[]> sums = new LinkedHashMap<>();
        if (others.isEmpty()) {
            List<Integer> all =
                    IntStream.range(0, config.accumulation()).boxed().toList();
            InFlight.run(manager, all, this::forward, (micro, made) -> addMean(row, made.finish()));
        } else if (!areGathered(others.get(), row, sums)) {
            return Optional.empty();
        }
        double loss = row.getOrDefault("loss", Double.NaN);
        double rate = config.rate().at(step, config.steps());
        double norm = Double.isFinite(loss) ? clippedStep(rate, sums) : Double.NaN;
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
            throw new NonFiniteLossException(objective.describe(), step, loss, norm, kept);
        }
        objective.finish(step, row);
        row.put("learning rate", rate);
        row.put("gradient norm", norm);
        double tokens = row.getOrDefault("tokens", 0.0);
        row.put("tokens/s", tokens / ((System.nanoTime() - begun) / 1e9));
        return Optional.of(row);
    }

    private Map<String, Double> backward(int micro) {
        return forward(micro).finish();
    }

    // What a pass that fails has made goes with the run.
    private Begun forward(int micro) {
        NDManager scope = manager.newSubManager();
        return new Begun(scope, objective.forward(scope, step, micro, 1.0 / config.accumulation()));
    }

    /** A micro-batch that has yet to add its gradients. */
    private record Begun(NDManager scope, Supplier<Map<String, Double>> rest) {
        Map<String, Double> finish() {
            try (scope) {
                return rest.get();
            }
        }
    }

    private void addMean(Map<String, Double> row, Map<String, Double> part) {
        part.forEach((name, value) ->
                row.merge(name, name.equals("tokens") ? value : value / config.accumulation(), Double::sum));
    }

    // Sums what all workers computed in the order of micro-batches, as one process does that makes one after another.
    private boolean areGathered(SharedSteps others, Map<String, Double> row, Map<String, float[]> sums) {
        Map<String, NDArray> parameters = objective.parameters();
        long from = StepPart.sum(parameters, store);
        return others.step(step, from, micro -> StepPart.taken(backward(micro), from, parameters, store), part -> {
            addMean(row, part.scalars());
            part.addTo(sums);
        });
    }

    private double clippedStep(double rate, Map<String, float[]> sums) {
        try (var off = Torch.gradients(false);
                NDManager scope = manager.newSubManager()) {
            if (others.isEmpty()) {
                return optimizer.step(step, rate);
            }
            Map<String, NDArray> gradients = new LinkedHashMap<>();
            objective.parameters().forEach((name, parameter) -> {
                NDArray gradient = Places.at(scope, parameter.getManager()).zeros(parameter.getShape());
                store.put(FloatBuffer.wrap(Objects.requireNonNull(sums.get(name))), gradient, 0);
                gradients.put(name, gradient);
            });
            return optimizer.step(step, rate, gradients);
        }
    }

    private void save() {
        kept.ifPresent(folder -> others.ifPresentOrElse(o -> o.save(step, () -> write(folder)), () -> write(folder)));
    }

    private void write(Path folder) {
        try (var off = Torch.gradients(false)) {
            RunState.save(folder, state, store, step, identity(), log);
        }
    }

    private Identity identity() {
        Identity learned = objective.identity();
        Identity all = Identity.of("training run")
                .with("objective", learned)
                .with("steps", config.steps())
                .with("accumulation", config.accumulation())
                .with("rate", config.rate())
                .with("seed", config.seed())
                .with("beta1", config.beta1())
                .with("beta2", config.beta2())
                .with("epsilon", config.epsilon())
                .with("decay", config.decay())
                .with("clip", config.clip());
        return learned.former()
                .map(text -> all.formerly(text + " · steps " + config.steps() + " · accumulation "
                        + config.accumulation() + " · " + config.rate() + " · seed " + config.seed()))
                .orElse(all);
    }

    private void report(Map<String, Double> row) {
        String note = String.format(
                Locale.ROOT,
                "loss %.4f (%s) · %.0f tokens/s%s",
                log.standing("loss"),
                log.window(),
                row.getOrDefault("tokens/s", Double.NaN),
                others.map(o -> " · workers: " + o.workers()).orElse(""));
        observer.progress(
                new Progress(objective.describe(), step, config.steps(), "steps", seconds(), note).withEarlier(first));
        if (step > 1 && observer.wantsFigure(objective.describe())) {
            isDrawn = true;
            draw();
        }
    }

    private void draw() {
        TrainingCurves curves = TrainingCurves.of(objective.describe(), log, config.toString());
        observer.figure(objective.describe(), curves.overview());
    }

    private double seconds() {
        return (System.nanoTime() - started) / 1e9;
    }
}
