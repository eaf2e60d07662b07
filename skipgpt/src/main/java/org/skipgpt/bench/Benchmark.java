package org.skipgpt.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PackingCosts;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Torch;

/**
 * Measures what skipping saves: the same tokens through the model dense, masked and packed, in turns.
 *
 * <pre>{@code
 * System.out.println(Benchmark.run(model, BenchmarkOptions.defaults()));
 * }</pre>
 */
public final class Benchmark {
    private final LanguageModel[] turns;
    private final BenchmarkOptions options;
    private final ProgressObserver observer;
    private boolean complete = true;

    private Benchmark(LanguageModel model, BenchmarkOptions options, ProgressObserver observer) {
        LanguageModel dense = model.withPolicy(LayerPolicy.dense());
        this.turns = new LanguageModel[] {
            dense, model.withPolicy(new EveryModule(model.policy())).masked(), model
        };
        this.options = options;
        this.observer = observer;
    }

    /**
     * Measures prefill and decoding.
     *
     * @param model a packed model; its policy is what is compared with dense
     * @throws IllegalArgumentException if the model is masked: it computes everything, so its speed says nothing; or if
     *     its context does not hold the lengths asked for
     */
    public static BenchmarkResult run(LanguageModel model, BenchmarkOptions options) {
        return run(model, options, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static BenchmarkResult run(LanguageModel model, BenchmarkOptions options, ProgressObserver observer) {
        if (model.execution() == Execution.MASKED) {
            throw new IllegalArgumentException("speed of a masked model is not measured: it computes every module and"
                    + " multiplies by the gate; give model.packed()");
        }
        if (options.clock() == BenchmarkClock.THREAD_CPU && (model.device().isGpu() || Torch.threads() != 1)) {
            throw new IllegalArgumentException("the CPU time of one thread was asked for with " + Torch.threads()
                    + " engine threads on " + model.device() + "; start with OMP_NUM_THREADS=1 on the CPU, or use"
                    + " the wall clock");
        }
        options.check(model.config().maxPositions());
        return new Benchmark(model, options, observer).run();
    }

    private BenchmarkResult run() {
        long start = System.nanoTime();
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        LanguageModel model = turns[2];
        PackingCosts costs = model.decoder().packingCosts();
        List<SpeedRow> rows = new ArrayList<>();
        rows.add(prefill());
        if (options.decodeTokens() > 0 && complete) {
            try {
                rows.add(decode());
            } catch (CancellationException e) {
                complete = false;
            }
        }
        Provenance origin = Provenance.of(options.toString())
                .withSeed(options.seed())
                .withModel(model.toString(), model.hash())
                .withDevice(model.device().toString(), model.dtype().toString(), Torch.threads())
                .withSeconds((System.nanoTime() - start) / 1e9);
        return new BenchmarkResult(
                model.name() + " · " + model.config() + " · " + model.dtype(),
                model.policy().describe(),
                model.policy().kvPolicy(),
                rows,
                costs,
                options.clock(),
                load,
                complete,
                origin);
    }

    private SpeedRow prefill() {
        int[][] tokens = tokens(options.sequences(), options.length(), 0);
        double[] rates = prefillRates(tokens);
        double[][] seconds = interleaved("prefill", turn -> prefillSeconds(turns[turn], tokens));
        double ideal = ideal(rates).prefill(options.length());
        return row("prefill " + options.sequences() + " x " + options.length(), seconds, rates, ideal, new long[3]);
    }

    private double[] prefillRates(int[][] tokens) {
        LanguageModel model = turns[2];
        double[] rates = new double[model.config().modules()];
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
            model.forward(model.decoder().rows(scope, tokens), new Trace() {
                @Override
                public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows rows) {
                    rates[site.index()] = (double) decision.executed(rows.size()) / rows.size();
                }
            });
        }
        return rates;
    }

    private double prefillSeconds(LanguageModel model, int[][] tokens) {
        double start = options.clock().seconds();
        try (InUse.Hold held = model.hold();
                NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, tokens);
            NDArray x = model.forward(rows, Trace.none()); // (N, D)
            long[] last = new long[tokens.length];
            for (int s = 0; s < last.length; s++) {
                last[s] = rows.starts()[s + 1] - 1L;
            }
            // Reading the numbers waits for a GPU.
            model.decoder().logits(x.get(scope.create(last))).toFloatArray();
        }
        return options.clock().seconds() - start;
    }

    private SpeedRow decode() {
        int batch = options.decodeSequences();
        int[][] context = tokens(batch, options.decodeContext(), 0);
        int[][] more = tokens(options.decodeTokens(), batch, 1);
        List<Session> prefixes = new ArrayList<>();
        try {
            for (LanguageModel turn : turns) {
                Session session = turn.session(batch);
                prefixes.add(session);
                session.append(context);
            }
            double[] rates = new double[turns[2].config().modules()];
            long[] bytes = new long[turns.length];
            double[][] seconds = interleaved(
                    "decode", turn -> decodeSeconds(prefixes.get(turn), more, turn == 2 ? rates : null, bytes, turn));
            double ideal = ideal(rates).decode(batch, options.decodeContext());
            return row("decode " + batch + " at " + options.decodeContext(), seconds, rates, ideal, bytes);
        } finally {
            prefixes.forEach(Session::close);
        }
    }

    private double decodeSeconds(Session prefix, int[][] steps, double @Nullable [] rates, long[] bytes, int turn) {
        int batch = options.decodeSequences();
        try (Session session = prefix.fork(IntStream.range(0, batch).toArray())) {
            double start = options.clock().seconds();
            for (int[] step : steps) {
                session.append(Arrays.stream(step).mapToObj(t -> new int[] {t}).toArray(int[][]::new));
            }
            double seconds = (options.clock().seconds() - start) / steps.length;
            if (rates != null) {
                System.arraycopy(session.executionRates(), 0, rates, 0, rates.length);
            }
            bytes[turn] = session.usedCacheBytes() + session.pendingBytes();
            return seconds;
        }
    }

    private interface Turn {
        double seconds(int turn);
    }

    /** One untimed round, then dense, masked, packed in turns; stops between turns when interrupted. */
    private double[][] interleaved(String phase, Turn turn) {
        long start = System.nanoTime();
        double[][] seconds = new double[turns.length][options.repeats()];
        int done = 0;
        for (int repeat = -1; repeat < options.repeats(); repeat++) {
            try {
                for (int i = 0; i < turns.length; i++) {
                    double s = turn.seconds(i);
                    if (repeat >= 0) {
                        seconds[i][repeat] = s;
                    }
                }
            } catch (CancellationException e) {
                if (done == 0) {
                    throw e;
                }
                complete = false;
                break;
            }
            done = repeat + 1;
            double passed = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("timing " + phase, done, options.repeats(), "rounds", passed, ""));
        }
        for (int i = 0; i < turns.length; i++) {
            seconds[i] = Arrays.copyOf(seconds[i], Math.max(1, done));
        }
        return seconds;
    }

    private SpeedIdeal ideal(double[] rates) {
        return SpeedIdeal.of(turns[2], rates);
    }

    private static SpeedRow row(String phase, double[][] seconds, double[] rates, double ideal, long[] bytes) {
        double attention = 0;
        double mlp = 0;
        for (int i = 0; i < rates.length; i += 2) {
            attention += 2 * rates[i] / rates.length;
            mlp += 2 * rates[i + 1] / rates.length;
        }
        return new SpeedRow(
                phase,
                Times.of(seconds[0]),
                Times.of(seconds[1]),
                Times.of(seconds[2]),
                1 - attention,
                1 - mlp,
                ideal,
                bytes[0],
                bytes[2]);
    }

    private int[][] tokens(int rows, int columns, int stream) {
        SplittableRandom random = new SplittableRandom(options.seed() * 31 + stream);
        int[][] tokens = new int[rows][];
        for (int row = 0; row < rows; row++) {
            tokens[row] =
                    random.ints(columns, 0, turns[0].config().vocabulary()).toArray();
        }
        return tokens;
    }
}
