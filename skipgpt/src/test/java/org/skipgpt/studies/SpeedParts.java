package org.skipgpt.studies;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.bench.Benchmark;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.bench.BenchmarkOptions;
import org.skipgpt.bench.BenchmarkResult;
import org.skipgpt.bench.SpeedRow;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.model.Trace;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Times;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** The measurements of the speed page, one a part. */
final class SpeedParts {
    static final List<String> NAMES = List.of(
            "transformers",
            "one",
            "four",
            "clustered",
            "executed",
            "tuned",
            "short",
            "length",
            "decode",
            "batch",
            "bf16",
            "outside",
            "loading");

    static final String HEAD =
            "what | K/V | skipped a/m % | dense ms | masked ms | packed ms | speed-up | ideal | eta | over masked | spread";
    private static final double[] SHARES = {0.25, 0.4, 0.6};
    private static final int TUNING_STEPS = 60;

    private final LanguageModel dense;
    private final NDManager manager;
    private final int repeats;
    private final BenchmarkClock clock;
    private final StringBuilder text = new StringBuilder();

    SpeedParts(LanguageModel dense, NDManager manager, int repeats, BenchmarkClock clock) {
        this.dense = dense;
        this.manager = manager;
        this.repeats = repeats;
        this.clock = clock;
    }

    /** Measures one part and says what came out, in Markdown. */
    String run(String part) throws IOException, InterruptedException {
        switch (part) {
            case "transformers" -> transformers();
            case "one" -> skipping("1 x 1024, uniform and by layer", 1, 1024, Pattern.UNIFORM, Pattern.BY_LAYER);
            case "four" -> skipping("4 x 512, uniform and by layer", 4, 512, Pattern.UNIFORM, Pattern.BY_LAYER);
            case "clustered" -> clustered();
            case "executed" -> executed();
            case "tuned" -> tuned();
            case "short" -> shortPrompts();
            case "length" -> lengths();
            case "decode" -> decoding();
            case "batch" -> batches();
            case "bf16" -> halfWidth();
            case "outside" -> new OutsideTimes(dense, manager, repeats, clock, this::line).measure();
            case "loading" -> new LoadTimes(this::line).measure(repeats);
            default -> throw new IllegalArgumentException("no part " + part + "; there are " + NAMES);
        }
        return text.toString();
    }

    private LanguageModel model(DecoderConfig config, Dtype dtype) {
        DecoderWeights weights = WeightLoader.random(config, manager, dtype, 1);
        return LanguageModel.dense("random", "", Golden.numbers(config.vocabulary()), config, weights);
    }

    static ForcedPolicy forced(double share, Pattern pattern, KvPolicy kv) {
        return new ForcedPolicy(share, share, pattern, kv, SpeedPage.SHAPE.layers(), 7);
    }

    private void transformers() throws IOException {
        heading("Dense, against Hugging Face transformers", "phase | ours ms | transformers ms | ratio | spread");
        try (Rival rival = Rival.start(
                System.getProperty("skipgpt.python", "python3"), "hf_speed.py", SpeedPage.SHAPE, clock.name())) {
            for (int[] shape : new int[][] {{1, 1024}, {4, 512}}) {
                compare(
                        "prefill " + shape[0] + " x " + shape[1],
                        () -> prefill(clock, dense, shape[0], shape[1]),
                        () -> rival.seconds("prefill " + shape[0] + " " + shape[1]));
            }
            compare("decode at 256", () -> decode(dense, 256, 16), () -> rival.seconds("decode 256 16"));
            line(
                    "%nPeak memory: ours %d MiB with the JVM, transformers %.0f MiB with Python; %s. Weights take %d MiB.",
                    Rival.ownPeakKib() / 1024,
                    rival.seconds("memory") / 1024,
                    rival.versions(),
                    SpeedPage.SHAPE.parameters() * 4 / (1 << 20));
        }
    }

    private interface Clock {
        double seconds() throws IOException;
    }

    private void compare(String phase, Clock ours, Clock theirs) throws IOException {
        double[] a = new double[repeats];
        double[] b = new double[repeats];
        for (int i = -1; i < repeats; i++) {
            double x = ours.seconds();
            double y = theirs.seconds();
            if (i >= 0) {
                a[i] = x;
                b[i] = y;
            }
        }
        Times us = Times.of(a);
        Times them = Times.of(b);
        line(
                "| %s | %.2f | %.2f | %.2f | %.1f %%, %.1f %% |",
                phase,
                1e3 * us.median(),
                1e3 * them.median(),
                them.median() / us.median(),
                100 * us.spread(),
                100 * them.spread());
    }

    static double prefill(BenchmarkClock clock, LanguageModel model, int sequences, int length) {
        int[][] tokens = new int[sequences][length];
        for (int[] row : tokens) {
            Arrays.setAll(row, t -> (t * 31) % model.config().vocabulary());
        }
        double start = clock.seconds();
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, tokens);
            long[] last = new long[sequences];
            Arrays.setAll(last, s -> (s + 1L) * length - 1);
            model.decoder()
                    .logits(model.forward(rows, Trace.none()).get(scope.create(last)))
                    .toFloatArray();
        }
        return clock.seconds() - start;
    }

    private double decode(LanguageModel model, int context, int tokens) {
        try (Session session = model.session(1)) {
            session.append(new int[context]);
            double start = clock.seconds();
            for (int t = 0; t < tokens; t++) {
                session.append(new int[] {t});
            }
            return (clock.seconds() - start) / tokens;
        }
    }

    private void skipping(String title, int sequences, int length, Pattern... patterns) {
        heading("Prefill " + title, HEAD);
        for (Pattern pattern : patterns) {
            for (double share : SHARES) {
                row(dense.withPolicy(forced(share, pattern, KvPolicy.KEEP)), prefill(sequences, length), 0);
            }
        }
    }

    private void clustered() {
        heading("Prefill, clustered by position", HEAD);
        for (double share : SHARES) {
            LanguageModel model = dense.withPolicy(forced(share, Pattern.CLUSTERED, KvPolicy.KEEP));
            row(model, prefill(1, 1024), 0);
            row(model, prefill(4, 512), 0);
        }
    }

    private void executed() {
        heading("Prefill without keys and values of skipped tokens, uniform", HEAD);
        for (double share : SHARES) {
            row(dense.withPolicy(forced(share, Pattern.UNIFORM, KvPolicy.EXECUTED)), prefill(1, 1024), 0);
        }
    }

    private void tuned() {
        heading("Routers that were tuned, " + TUNING_STEPS + " steps, and set to the share with the budget dial", HEAD);
        SplittableRandom random = new SplittableRandom(5);
        List<String> documents = IntStream.range(0, 100)
                .mapToObj(i -> random.ints(128, 0, dense.config().vocabulary())
                        .mapToObj(Integer::toString)
                        .collect(Collectors.joining(" ")))
                .toList();
        TuningOptions options = TuningOptions.workshop().withSteps(TUNING_STEPS).withBatch(2, 128);
        for (double share : SHARES) {
            LanguageModel tuned = Tuning.routers(dense, share, documents, options, ProgressObserver.silent())
                    .model();
            int[][] samples =
                    documents.stream().limit(8).map(dense.tokenizer()::encode).toArray(int[][]::new);
            LanguageModel model = BudgetDial.calibrate(tuned, Budget.of(share), new double[] {share}, samples)
                    .set(tuned, share);
            row(model, prefill(1, 1024), 0);
            RoutedPolicy routed = (RoutedPolicy) model.policy();
            row(model.withPolicy(routed.withKvPolicy(KvPolicy.DEFERRED)), decoding(1), 1);
        }
    }

    private void shortPrompts() {
        heading("Prefill of 128 tokens", HEAD);
        for (Pattern pattern : Pattern.values()) {
            for (double share : new double[] {0.1, 0.25, 0.4, 0.6}) {
                row(dense.withPolicy(forced(share, pattern, KvPolicy.KEEP)), prefill(1, 128), 0);
            }
        }
        line("%n```%n%s%n```", dense.decoder().packingCosts());
    }

    private void lengths() throws IOException {
        heading("Prefill by length, 40 % uniform", HEAD);
        StringBuilder peaks = new StringBuilder();
        for (int length : new int[] {512, 1024, 2048, 4096}) {
            LanguageModel model = dense.withPolicy(forced(0.4, Pattern.UNIFORM, KvPolicy.KEEP));
            row(model, prefill(1, length), 0);
            LoadTimes.forgetPeak();
            long before = Rival.ownPeakKib();
            prefill(clock, model, 1, length);
            peaks.append(String.format(
                    Locale.ROOT,
                    "%s%d tokens: %d MiB",
                    peaks.isEmpty() ? "" : ", ",
                    length,
                    (Rival.ownPeakKib() - before) / 1024));
        }
        line("%nMemory a packed pass adds at its peak: %s.", peaks);
    }

    private void decoding() {
        heading("Decoding one sequence, 256 tokens of context", HEAD);
        for (KvPolicy kv : KvPolicy.values()) {
            for (double share : new double[] {0.25, 0.4, 0.6}) {
                row(dense.withPolicy(forced(share, Pattern.UNIFORM, kv)), decoding(1), 1);
            }
        }
        row(dense.withPolicy(forced(0.4, Pattern.BY_LAYER, KvPolicy.DEFERRED)), decoding(1), 1);
        double bytes = 4.0 * SpeedPage.SHAPE.parameters();
        double[] seconds = new double[repeats];
        for (int i = -1; i < repeats; i++) {
            double s = decode(dense, 256, 16);
            if (i >= 0) {
                seconds[i] = s;
            }
        }
        line(
                "%nDense decoding reads %.2f GB of weights a token, which is %.1f GB/s.",
                bytes / 1e9, bytes / 1e9 / Times.of(seconds).median());
    }

    private void batches() {
        heading("Decoding sequences together, 256 tokens of context", HEAD + " | K/V MiB, dense MiB");
        for (int batch : new int[] {2, 4, 8}) {
            for (KvPolicy kv : KvPolicy.values()) {
                row(dense.withPolicy(forced(0.4, Pattern.UNIFORM, kv)), decoding(batch), 1);
            }
        }
    }

    private void halfWidth() {
        LanguageModel narrow = model(SpeedPage.SHAPE, Dtype.BF16);
        heading("Weights in bf16", HEAD);
        for (double share : SHARES) {
            row(narrow.withPolicy(forced(share, Pattern.UNIFORM, KvPolicy.KEEP)), prefill(1, 1024), 0);
        }
        for (double share : SHARES) {
            row(narrow.withPolicy(forced(share, Pattern.UNIFORM, KvPolicy.DEFERRED)), decoding(1), 1);
        }
    }

    private BenchmarkOptions prefill(int sequences, int length) {
        return BenchmarkOptions.defaults()
                .withPrefill(sequences, length)
                .withDecode(256, 0)
                .withRepeats(repeats)
                .withClock(clock);
    }

    private BenchmarkOptions decoding(int batch) {
        return prefill(1, 8).withDecode(256, 16).withDecodeBatch(batch);
    }

    private void row(LanguageModel model, BenchmarkOptions options, int phase) {
        BenchmarkResult result = Benchmark.run(model, options);
        SpeedRow r = result.rows().get(phase);
        String pattern = model.policy() instanceof ForcedPolicy forced
                ? forced.pattern().name().toLowerCase(Locale.ROOT)
                : "routers";
        String cache = options.decodeSequences() == 1
                ? ""
                : String.format(
                        Locale.ROOT, " %.2f, %.2f |", r.packedCacheBytes() / 0x1p20, r.denseCacheBytes() / 0x1p20);
        line(
                "| %s, %s | %s | %s |%s",
                r.phase(),
                pattern.replace('_', ' '),
                result.kvPolicy().name().toLowerCase(Locale.ROOT),
                cells(r),
                cache);
    }

    /** A row's numbers, from the skipped shares to the spread. */
    static String cells(SpeedRow r) {
        return String.format(
                Locale.ROOT,
                "%.0f/%.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f %%, %.1f %%",
                100 * r.attentionSkipped(),
                100 * r.mlpSkipped(),
                1e3 * r.dense().median(),
                1e3 * r.masked().median(),
                1e3 * r.packed().median(),
                r.speedup(),
                r.ideal(),
                r.eta(),
                r.overMasked(),
                100 * r.dense().spread(),
                100 * r.packed().spread());
    }

    private void heading(String title, String columns) {
        line("## %s%n%n| %s |%n|%s", title, columns, " --- |".repeat(columns.split("\\|").length));
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
