package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.report.Provenance;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * Writes the results page docs/speed.md; a measurement, not a test, so it runs only when asked:
 * {@code -Dskipgpt.speed=all}, or a comma-separated part of transformers, skip, length, decode, outside.
 */
@EnabledIfSystemProperty(named = "skipgpt.speed", matches = ".+")
class SpeedPage {
    private static final DecoderConfig SHAPE =
            DecoderConfig.llama(8192, 1024, 2816, 8, 16, 8).withMaxPositions(8192);
    private static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);

    private static final BenchmarkClock CLOCK = BenchmarkClock.valueOf(System.getProperty("skipgpt.clock", "WALL"));

    private final StringBuilder page = new StringBuilder();

    @Test
    void write() throws IOException, InterruptedException {
        Set<String> parts = Set.of(System.getProperty("skipgpt.speed").split(","));
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel dense = model(manager, SHAPE);
            line(
                    "# Speed\n\n%s, random weights, fp32. %d engine threads, %s, %d repeats in turns, medians; the load"
                            + " average was %.1f when the run began. Spread is half the quartile distance.\n\n%s",
                    SHAPE,
                    Torch.threads(),
                    CLOCK,
                    REPEATS,
                    ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                    Provenance.of("").text());
            line("\nThe command that makes this page again, in `skipgpt/`:\n\n```\n%s\n```", COMMAND);
            if (wanted(parts, "transformers")) {
                transformers(dense);
            }
            if (wanted(parts, "skip")) {
                skipping(dense);
            }
            if (wanted(parts, "length")) {
                lengths(dense);
            }
            if (wanted(parts, "decode")) {
                decoding(dense);
            }
            if (wanted(parts, "outside")) {
                outside(dense, manager);
            }
        }
        assertThat(page).isNotEmpty();
        Path out = Path.of(System.getProperty("skipgpt.speed.out", "target/speed.md"));
        Files.writeString(out, page);
    }

    private static boolean wanted(Set<String> parts, String part) {
        return parts.contains("all") || parts.contains(part);
    }

    private static LanguageModel model(NDManager manager, DecoderConfig config) {
        DecoderWeights weights = WeightLoader.random(config, manager, Dtype.FP32, 1);
        return LanguageModel.dense("random", "", Golden.numbers(config.vocabulary()), config, weights);
    }

    private static ForcedPolicy forced(double share, Pattern pattern, KvPolicy kv) {
        return new ForcedPolicy(share, share, pattern, kv, SHAPE.layers(), 7);
    }

    private void transformers(LanguageModel dense) throws IOException, InterruptedException {
        heading("Dense, against Hugging Face transformers", "phase | ours ms | transformers ms | ratio | spread");
        try (Rival rival = Rival.start(SHAPE, Torch.threads(), CLOCK)) {
            for (int[] shape : new int[][] {{1, 1024}, {4, 512}}) {
                compare(
                        "prefill " + shape[0] + " x " + shape[1],
                        () -> prefill(dense, shape[0], shape[1]),
                        () -> rival.seconds("prefill " + shape[0] + " " + shape[1]));
            }
            compare("decode at 256", () -> decode(dense, 256, 16), () -> rival.seconds("decode 256 16"));
            line(
                    "\nPeak memory: ours %d MiB with the JVM, transformers %.0f MiB; %s.",
                    Rival.ownPeakKib() / 1024, rival.seconds("memory") / 1024, rival.versions());
        }
    }

    private interface Clock {
        double seconds() throws IOException;
    }

    private void compare(String phase, Clock ours, Clock theirs) throws IOException {
        double[] a = new double[REPEATS];
        double[] b = new double[REPEATS];
        for (int i = -1; i < REPEATS; i++) {
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

    private static double prefill(LanguageModel model, int sequences, int length) {
        int[][] tokens = new int[sequences][length];
        for (int[] row : tokens) {
            Arrays.setAll(row, t -> (t * 31) % model.config().vocabulary());
        }
        double start = CLOCK.seconds();
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, tokens);
            long[] last = new long[sequences];
            Arrays.setAll(last, s -> (s + 1L) * length - 1);
            model.decoder()
                    .logits(model.forward(rows, Trace.none()).get(scope.create(last)))
                    .toFloatArray();
        }
        return (CLOCK.seconds() - start);
    }

    private static double decode(LanguageModel model, int context, int tokens) {
        try (Session session = model.session(1)) {
            session.append(new int[context]);
            double start = CLOCK.seconds();
            for (int t = 0; t < tokens; t++) {
                session.append(new int[] {t});
            }
            return (CLOCK.seconds() - start) / tokens;
        }
    }

    private static final double[] SHARES = Arrays.stream(
                    System.getProperty("skipgpt.shares", "0.25,0.4,0.6").split(","))
            .mapToDouble(Double::parseDouble)
            .toArray();

    private void skipping(LanguageModel dense) {
        heading("Prefill with forced skip patterns", HEAD);
        for (int[] shape : new int[][] {{1, 1024}, {4, 512}, {1, 128}}) {
            for (KvPolicy kv : shape[1] == 128 ? List.of(KvPolicy.KEEP) : List.of(KvPolicy.KEEP, KvPolicy.EXECUTED)) {
                for (Pattern pattern : Pattern.values()) {
                    for (double share : SHARES) {
                        rows(dense.withPolicy(forced(share, pattern, kv)), shape[0], shape[1], 256, 0);
                    }
                }
            }
        }
    }

    private void lengths(LanguageModel dense) {
        heading("Prefill by length, 40 % uniform", HEAD);
        for (int length : new int[] {512, 1024, 2048, 4096}) {
            rows(dense.withPolicy(forced(0.4, Pattern.UNIFORM, KvPolicy.KEEP)), 1, length, 256, 0);
        }
    }

    private void decoding(LanguageModel dense) {
        heading("Decoding one sequence, 256 tokens of context", HEAD);
        for (KvPolicy kv : KvPolicy.values()) {
            for (double share : new double[] {0, 0.25, 0.4, 0.6}) {
                rows(dense.withPolicy(forced(share, Pattern.UNIFORM, kv)), 1, 8, 256, 16);
            }
        }
    }

    // The same number of modules and calls over almost no arithmetic: what is left is time outside the kernels.
    private void outside(LanguageModel dense, NDManager manager) {
        DecoderConfig narrow = DecoderConfig.llama(64, 32, 32, 8, 16, 8);
        LanguageModel thin = model(manager, narrow);
        List<Double> shares = new ArrayList<>();
        for (int i = -1; i < REPEATS; i++) {
            double thinDecode = decode(thin, 8, 16);
            double wideDecode = decode(dense, 256, 16);
            double thinPrefill = prefill(thin, 1, 1);
            double widePrefill = prefill(dense, 1, 1024);
            if (i >= 0) {
                shares.add(thinDecode / wideDecode);
                shares.add(thinPrefill / widePrefill);
            }
        }
        double[] decode = new double[REPEATS];
        double[] prefill = new double[REPEATS];
        for (int i = 0; i < REPEATS; i++) {
            decode[i] = shares.get(2 * i);
            prefill[i] = shares.get(2 * i + 1);
        }
        line(
                "\n## Time outside the kernels\n\nUpper bound, from a model of as many modules over almost no arithmetic:"
                        + " %.1f %% of decoding, %.2f %% of prefill 1 x 1024.",
                100 * Times.of(decode).median(), 100 * Times.of(prefill).median());
    }

    private static final String COMMAND = "OMP_NUM_THREADS=" + Torch.threads() + " mvn -q test -Dtest=SpeedPage"
            + " -Dskipgpt.speed=" + System.getProperty("skipgpt.speed") + " -Dskipgpt.clock=" + CLOCK.name()
            + " -Dskipgpt.repeats=" + REPEATS + " -Dskipgpt.python=python3 -Dskipgpt.speed.out=docs/speed.md";

    private static final String HEAD =
            "what | K/V | skipped a/m % | dense ms | masked ms | packed ms | speed-up | ideal | eta | over masked | spread";

    private void rows(LanguageModel model, int sequences, int length, int context, int tokens) {
        BenchmarkResult result = Benchmark.run(
                model,
                BenchmarkOptions.defaults()
                        .withPrefill(sequences, length)
                        .withDecode(context, tokens)
                        .withRepeats(REPEATS)
                        .withClock(CLOCK));
        SpeedRow r = result.rows().get(tokens > 0 ? 1 : 0);
        line(
                "| %s, %s | %s | %.0f/%.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f %%, %.1f %% |",
                r.phase(),
                ((ForcedPolicy) model.policy())
                        .pattern()
                        .name()
                        .toLowerCase(Locale.ROOT)
                        .replace('_', ' '),
                result.kvPolicy().name().toLowerCase(Locale.ROOT),
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
        line("\n## %s\n\n| %s |\n|%s", title, columns, " --- |".repeat(columns.split("\\|").length));
    }

    private void line(String format, Object... values) {
        page.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
