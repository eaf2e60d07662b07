package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.skipgpt.bench.Benchmark;
import org.skipgpt.bench.BenchmarkOptions;
import org.skipgpt.bench.SpeedRow;
import org.skipgpt.model.Decision;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/**
 * The measurements of the page docs/gpu.md, printed as Markdown: {@code laws}, {@code limits}, and the speed of random
 * weights in bf16 with the shape of LLaMA-2-7B ({@code 7b}) and Llama-3.1-8B ({@code 8b}). A measurement, not a test.
 *
 * <p>Arguments: device (gpu), then parts. Runs in {@code skipgpt/}.
 */
public final class GpuPage {
    private static final double[] SHARES = {0.25, 0.4, 0.6};
    private static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);

    private static final int STEPS = 32;

    private final Device device;
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private GpuPage(Device device) {
        this.device = device;
    }

    public static void main(String[] arguments) {
        GpuPage page = new GpuPage(Torch.device(arguments[0]));
        for (String part : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            try {
                page.run(part);
            } catch (RuntimeException e) {
                // The parts behind it are still worth their time on a machine that is there for minutes.
                page.out.println("part " + part + " failed:");
                e.printStackTrace(page.out);
            }
        }
    }

    private void run(String part) {
        long start = System.nanoTime();
        switch (part) {
            case "laws" -> laws();
            case "limits" -> limits();
            case "7b" -> shape("LLaMA-2-7B", DecoderConfig.llama(32000, 4096, 11008, 32, 32, 32));
            case "8b" -> shape("Llama-3.1-8B", DecoderConfig.llama(128256, 4096, 14336, 32, 32, 8));
            case "tiny" -> shape("tiny", DecoderConfig.llama(512, 128, 256, 4, 4, 2));
            default -> throw new IllegalArgumentException("no part " + part);
        }
        line("%n(%s took %.0f s)%n", part, (System.nanoTime() - start) / 1e9);
    }

    /** What must be equal, and how far apart it is here, as a share of the largest logit. */
    private void laws() {
        line(
                "## Laws%n%n| family | dtype | logits, golden | packed, masked | cached, whole | DEFERRED, KEEP | EXECUTED packed, masked | decoded together, whole |%n|---|---|---|---|---|---|---|---|");
        for (String family : Golden.families()) {
            for (Dtype dtype : List.of(Dtype.FP32, Dtype.BF16)) {
                try (NDManager manager = Torch.manager(device);
                        Golden golden = Golden.family(family)) {
                    law(family, dtype, golden, golden.model(manager, dtype));
                }
            }
        }
    }

    private void law(String family, Dtype dtype, Golden golden, LanguageModel dense) {
        int[] ids = golden.ids(0);
        float[] whole = flat(dense.logits(ids)[0]);
        LanguageModel keep =
                dense.withPolicy(ForcedPolicy.uniform(0.4, dense.config().layers(), 7));
        ForcedPolicy late =
                ForcedPolicy.uniform(0.4, dense.config().layers(), 7).withKvPolicy(KvPolicy.DEFERRED);
        LanguageModel evicting = dense.withPolicy(
                ForcedPolicy.uniform(0.4, dense.config().layers(), 7).withKvPolicy(KvPolicy.EXECUTED));
        float[] packed = flat(keep.alwaysPacked().logits(ids)[0]);
        line(
                "| %s | %s | %.1e | %.1e | %.1e | %.1e | %.1e | %.1e |",
                family,
                dtype,
                apart(whole, golden.floats("logits.0")),
                apart(packed, flat(keep.masked().logits(ids)[0])),
                apart(grown(keep, ids), packed),
                apart(grown(dense.withPolicy(late), ids), packed),
                apart(
                        flat(evicting.alwaysPacked().logits(ids)[0]),
                        flat(evicting.masked().logits(ids)[0])),
                apart(grownTogether(keep, ids), whole(keep.alwaysPacked(), ids)));
    }

    /** The rows of a text's later part, the second of two sequences. */
    private static float[] whole(LanguageModel model, int[] ids) {
        return flat(model.logits(ids, later(ids))[1]);
    }

    /** The same token by token, beside the first. */
    private static float[] grownTogether(LanguageModel model, int[] ids) {
        int[] later = later(ids);
        float[][] rows = new float[later.length][];
        try (Session session = model.session(2)) {
            session.append(Arrays.copyOf(ids, ids.length - later.length), new int[0]);
            for (int i = 0; i < later.length; i++) {
                rows[i] = session.append(new int[] {ids[ids.length - later.length + i]}, new int[] {later[i]})[1];
            }
        }
        return flat(rows);
    }

    private static int[] later(int[] ids) {
        return Arrays.copyOfRange(ids, 5, ids.length);
    }

    private static float[] grown(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            float[][] rows = new float[ids.length][];
            for (int i = 0; i < ids.length; i++) {
                rows[i] = session.append(new int[] {ids[i]})[0];
            }
            return flat(rows);
        }
    }

    private static float[] flat(float[][] rows) {
        float[] all = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, all, i * rows[0].length, rows[0].length);
        }
        return all;
    }

    private static double apart(float[] a, float[] b) {
        double largest = 0;
        double difference = a.length == b.length ? 0 : Double.NaN;
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            largest = Math.max(largest, Math.abs(b[i]));
            difference = Math.max(difference, Math.abs(a[i] - b[i]));
        }
        return difference / largest;
    }

    private long nanosInCalls;
    private double copyRate;
    private double productRate;

    /** What the device can do: one large product in bf16, one large copy. */
    private void limits() {
        try (NDManager manager = Torch.manager(device)) {
            TorchProgram program = TorchProgram.compile(manager, """
                    def matrix(self, like: Tensor) -> Tensor:
                        return torch.to(torch.randn([8192, 8192], device=like.device), 15)

                    def product(self, a: Tensor, b: Tensor) -> Tensor:
                        return torch.matmul(a, b)

                    def copy(self, a: Tensor, b: Tensor) -> Tensor:
                        return torch.copy_(a, b)

                    def first(self, a: Tensor) -> Tensor:
                        return torch.to(a[0, 0], 6)
                    """);
            NDArray like = manager.create(0f);
            NDArray a = program.call("matrix", like);
            NDArray b = program.call("matrix", like);
            productRate = 2 * Math.pow(8192, 3) / seconds(10, () -> program.call("product", a, b), program);
            NDArray big = manager.zeros(new Shape(16384, 16384));
            NDArray other = manager.zeros(new Shape(16384, 16384));
            copyRate = 2 * 4 * Math.pow(16384, 2) / seconds(10, () -> program.call("copy", big, other), program);
            line(
                    "## Limits%n%nOne 8192 x 8192 x 8192 product in bf16: %.0f TFLOP/s. A copy, reads and writes counted: %.2f TB/s.",
                    productRate / 1e12, copyRate / 1e12);
        }
    }

    private static double seconds(int calls, Supplier<NDArray> call, TorchProgram program) {
        double best = Double.MAX_VALUE;
        for (int repeat = 0; repeat < 5; repeat++) {
            long start = System.nanoTime();
            NDArray last = call.get();
            for (int i = 1; i < calls; i++) {
                last = call.get();
            }
            // Reading a number waits for the device.
            program.call("first", last).getFloat();
            best = Math.min(best, (System.nanoTime() - start) / 1e9 / calls);
        }
        return best;
    }

    private void shape(String name, DecoderConfig plain) {
        DecoderConfig config = plain.withMaxPositions(8192);
        try (NDManager manager = Torch.manager(device)) {
            DecoderWeights weights = WeightLoader.random(config, manager, Dtype.BF16, 1);
            LanguageModel dense = LanguageModel.dense(name, "", Golden.numbers(config.vocabulary()), config, weights);
            line("## %s, %s%n", name, config);
            dense(dense);
            line("%n| %s |%n|%s", SpeedParts.HEAD, "---|".repeat(SpeedParts.HEAD.split("\\|").length));
            for (double share : SHARES) {
                row(dense.withPolicy(forced(config, share, Pattern.UNIFORM, KvPolicy.KEEP)), prefill(4, 2048));
            }
            row(dense.withPolicy(forced(config, 0.4, Pattern.UNIFORM, KvPolicy.KEEP)), prefill(1, 4096));
            row(dense.withPolicy(forced(config, 0.4, Pattern.UNIFORM, KvPolicy.KEEP)), prefill(1, 512));
            decodeRow(dense.withPolicy(forced(config, 0.4, Pattern.UNIFORM, KvPolicy.KEEP)));
            for (double share : SHARES) {
                decodeRow(dense.withPolicy(forced(config, share, Pattern.UNIFORM, KvPolicy.DEFERRED)));
            }
        }
    }

    private void dense(LanguageModel dense) {
        DecoderConfig c = dense.config();
        double layers = c.blockParameters();
        for (int[] shape : new int[][] {{1, 512}, {1, 2048}, {4, 2048}}) {
            double median = median(() -> prefillSeconds(dense, shape[0], shape[1]));
            double work = 2.0 * shape[0] * shape[1] * layers;
            double tokens = shape[0] * shape[1] / median;
            line(
                    "Dense prefill %d x %d: %.1f ms, %.0f tokens/s, %.0f TFLOP/s in matrices, %.0f %% of the measured product.%n",
                    shape[0], shape[1], 1e3 * median, tokens, work / median / 1e12, 100 * work / median / productRate);
        }
        // Some hundred steps first: the host's own code is compiled while it runs.
        decodeSeconds(dense, 1024, 128);
        nanosInCalls = 0;
        double median = median(() -> decodeSeconds(dense, 1024, STEPS));
        double bytes = 2.0 * (layers + (double) c.vocabulary() * c.width());
        line(
                "Dense decode at 1024: %.2f ms, %.0f tokens/s; %.2f GB of weights a token, floor %.2f ms at the copy's rate; %.2f ms a step in calls.%n",
                1e3 * median,
                1 / median,
                bytes / 1e9,
                1e3 * bytes / copyRate,
                nanosInCalls / 1e6 / STEPS / (REPEATS + 1));
    }

    private static double median(Supplier<Double> clock) {
        double[] seconds = new double[REPEATS];
        for (int i = -1; i < REPEATS; i++) {
            double s = clock.get();
            if (i >= 0) {
                seconds[i] = s;
            }
        }
        return Times.of(seconds).median();
    }

    private static double prefillSeconds(LanguageModel model, int sequences, int length) {
        SplittableRandom random = new SplittableRandom(3);
        int[][] tokens = new int[sequences][];
        Arrays.setAll(
                tokens, s -> random.ints(length, 0, model.config().vocabulary()).toArray());
        long start = System.nanoTime();
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, tokens);
            NDArray x = model.forward(rows, Trace.none());
            model.decoder()
                    .logits(x.get(scope.create(new long[] {length - 1L})))
                    .toFloatArray();
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private double decodeSeconds(LanguageModel model, int context, int tokens) {
        try (Session session = model.session(1)) {
            session.append(new int[context]);
            TorchProgram.Spent before = TorchProgram.spent();
            long start = System.nanoTime();
            for (int t = 0; t < tokens; t++) {
                session.append(new int[] {t});
            }
            nanosInCalls += TorchProgram.spent().nanos() - before.nanos();
            return (System.nanoTime() - start) / 1e9 / tokens;
        }
    }

    /** A forced pattern whose gates lie on the device already, as those of routers do. */
    private static final class HeldGates implements LayerPolicy {
        private final ForcedPolicy pattern;
        private final Map<String, Decision> held = new HashMap<>();

        HeldGates(ForcedPolicy pattern) {
            this.pattern = pattern;
        }

        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            if (rows.size() == 1) {
                return pattern.decide(site, residual, layerInput, rows);
            }
            return held.computeIfAbsent(site.index() + " of " + rows.size(), key -> {
                Decision decision = pattern.decide(site, residual, layerInput, rows);
                if (!decision.isAll() && !decision.isNone()) {
                    decision.gate().attach(residual.getManager().getParentManager());
                }
                return decision;
            });
        }

        @Override
        public KvPolicy kvPolicy() {
            return pattern.kvPolicy();
        }

        @Override
        public Identity identity() {
            return pattern.identity();
        }

        @Override
        public String describe() {
            return pattern.describe();
        }
    }

    private static LayerPolicy forced(DecoderConfig config, double share, Pattern pattern, KvPolicy kv) {
        return new HeldGates(new ForcedPolicy(share, share, pattern, kv, config.layers(), 7));
    }

    private static BenchmarkOptions prefill(int sequences, int length) {
        return BenchmarkOptions.defaults()
                .withPrefill(sequences, length)
                .withDecode(1, 0)
                .withRepeats(REPEATS);
    }

    private void row(LanguageModel model, BenchmarkOptions options) {
        row(model, Benchmark.run(model, options).rows().get(0));
    }

    private void decodeRow(LanguageModel model) {
        BenchmarkOptions options = BenchmarkOptions.defaults()
                .withPrefill(1, 8)
                .withDecode(1024, STEPS)
                .withRepeats(REPEATS);
        row(model, Benchmark.run(model, options).rows().get(1));
    }

    private void row(LanguageModel model, SpeedRow r) {
        line("| %s | %s | %s |", r.phase(), model.policy().kvPolicy(), SpeedParts.cells(r));
    }

    private void line(String format, Object... values) {
        out.printf(Locale.ROOT, format + "%n", values);
    }
}
