package org.skipgpt.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.IntFunction;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.BenchmarkClock;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.Router;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * Measures tuning steps and prints markdown for docs/tuning.md: {@code time PYTHON} for steps in turns, medians;
 * {@code memory router|lora whole|recompute sequences} for the peak of one step in a process of its own. Spread is half
 * the quartile distance as a share of the median.
 */
final class TuningPage {
    private static final DecoderConfig SHAPE =
            DecoderConfig.llama(8192, 1024, 2816, 4, 16, 8).withMaxPositions(4096);
    private static final int SEQUENCES = 2;
    private static final int LENGTH = 512;
    private static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);
    private static final BenchmarkClock CLOCK = BenchmarkClock.valueOf(System.getProperty("skipgpt.clock", "WALL"));
    private static final double RHO = 0.25;
    private static final double[][] OPEN = {{.65, .8}, {.6, .6}};

    private TuningPage() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("memory")) {
            memory(arguments[1].equals("lora"), arguments[2].equals("recompute"), Integer.parseInt(arguments[3]));
            return;
        }
        System.out.println(SHAPE + ", fp32, " + SEQUENCES + " x " + LENGTH + " tokens, " + Torch.threads()
                + " threads, " + CLOCK + ", medians of " + REPEATS + " in turns, load average "
                + Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
        for (double[] open : OPEN) {
            routerSteps(open, arguments[1]);
            loraSteps(open);
        }
    }

    /** Something that takes time: seconds by the clock. */
    @FunctionalInterface
    private interface Step {
        double run() throws IOException;
    }

    /** Median of each, and the largest spread. */
    private record Taken(double[] seconds, double spread) {
        double of(int step) {
            return seconds[step];
        }
    }

    private static Taken taken(List<Step> steps) throws IOException {
        double[][] seconds = new double[steps.size()][REPEATS];
        for (int i = -1; i < REPEATS; i++) {
            for (int s = 0; s < steps.size(); s++) {
                double spent = steps.get(s).run();
                if (i >= 0) {
                    seconds[s][i] = spent;
                }
            }
        }
        double[] medians = new double[steps.size()];
        double spread = 0;
        for (int s = 0; s < medians.length; s++) {
            double[] sorted = Arrays.stream(seconds[s]).sorted().toArray();
            medians[s] = sorted[REPEATS / 2];
            spread = Math.max(spread, (sorted[3 * REPEATS / 4] - sorted[REPEATS / 4]) / 2 / medians[s]);
        }
        return new Taken(medians, spread);
    }

    private static void routerSteps(double[] open, String python) throws IOException {
        Process rival = python(python, open);
        try (NDManager manager = Torch.manager(Device.cpu());
                BufferedReader in = rival.inputReader();
                Writer out = rival.outputWriter()) {
            String versions = in.readLine();
            LanguageModel model = model(manager);
            Stepper full = stepper(manager, router(manager, model, open, false, 1));
            Stepper exact = stepper(manager, router(manager, model, open, true, 1));
            Stepper sampled = stepper(manager, router(manager, model, open, true, RHO));
            Taken t = taken(List.of(
                    full::step,
                    () -> {
                        out.write(SEQUENCES + " " + LENGTH + "\n");
                        out.flush();
                        return Double.parseDouble(in.readLine());
                    },
                    exact::step,
                    sampled::step));
            routerRow("router", open, t, 2, Flops.of(open).routerSparse(1), versions);
            routerRow(
                    "router, a quarter of skipping rows",
                    open,
                    t,
                    3,
                    Flops.of(open).routerSparse(RHO),
                    versions);
        } finally {
            rival.destroy();
        }
    }

    private static void routerRow(String name, double[] open, Taken t, int step, double operations, String versions) {
        double ideal = Flops.of(open).routerFull() / operations;
        System.out.printf(
                Locale.ROOT,
                "| %s | %.0f, %.0f %% | %.3f | %.3f | %.3f | %.2f | %.2f | %.2f | %.2f | %.1f %% | %s |%n",
                name,
                100 * (1 - open[0]),
                100 * (1 - open[1]),
                t.of(step),
                t.of(0),
                t.of(1),
                t.of(1) / t.of(step),
                t.of(0) / t.of(step),
                ideal,
                t.of(0) / t.of(step) / ideal,
                100 * t.spread(),
                versions);
    }

    private static void loraSteps(double[] open) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, SHAPE, LoraConfig.defaults(), 7));
            Stepper dense = stepper(manager, lora(adapted, false, SEQUENCES));
            Stepper packed = stepper(manager, lora(adapted.withPolicy(skipping(open)), false, SEQUENCES));
            Taken t = taken(List.of(packed::step, dense::step));
            double ideal = Flops.of(new double[] {1, 1}).lora() / Flops.of(open).lora();
            System.out.printf(
                    Locale.ROOT,
                    "| LoRA | %.0f, %.0f %% | %.3f | %.3f | | | %.2f | %.2f | %.2f | %.1f %% | |%n",
                    100 * (1 - open[0]),
                    100 * (1 - open[1]),
                    t.of(0),
                    t.of(1),
                    t.of(1) / t.of(0),
                    ideal,
                    t.of(1) / t.of(0) / ideal,
                    100 * t.spread());
        }
    }

    /** Operations a token of the shape above; {@code a} and {@code m} are executed shares. */
    private record Flops(double a, double m) {
        static Flops of(double[] open) {
            return new Flops(open[0], open[1]);
        }

        private static double qo() {
            return 4.0 * SHAPE.width() * SHAPE.queryWidth();
        }

        private static double kv() {
            return 4.0 * SHAPE.width() * SHAPE.kvWidth();
        }

        private static double core() {
            return 2.0 * SHAPE.queryWidth() * LENGTH;
        }

        private static double mlp() {
            return 6.0 * SHAPE.width() * SHAPE.hidden();
        }

        private static double head() {
            return 2.0 * SHAPE.vocabulary() * SHAPE.width();
        }

        private static double forward(double a, double m) {
            return SHAPE.layers() * (a * (qo() + core()) + kv() + m * mlp()) + head();
        }

        private static double backward(double a, double m) {
            return SHAPE.layers() * (a * (qo() + 2.5 * core()) + kv() + m * mlp()) + head();
        }

        double routerFull() {
            return forward(1, 1) + backward(1, 1);
        }

        /** Of the rows that skip a share rho is computed. */
        double routerSparse(double rho) {
            return forward(a + rho * (1 - a), m + rho * (1 - m)) + backward(a, m);
        }

        double lora() {
            LoraConfig c = LoraConfig.defaults();
            double d = SHAPE.width();
            // Forward and both gradients of the factors: query, value, gate.
            double factors =
                    6.0 * c.rank() * (a * (d + SHAPE.queryWidth()) + d + SHAPE.kvWidth() + m * (d + SHAPE.hidden()));
            return forward(a, m) + backward(a, m) + SHAPE.layers() * factors;
        }
    }

    /** A step with its optimizer. */
    private record Stepper(Objective objective, AdamW optimizer, NDManager manager, long[] at) {
        double step() {
            double begun = CLOCK.seconds();
            try (NDManager scope = manager.newSubManager();
                    var on = Torch.gradients(true)) {
                objective.backward(scope, at[0], 0, 1);
            }
            try (var off = Torch.gradients(false)) {
                optimizer.step(at[0]++, 1e-9);
            }
            return CLOCK.seconds() - begun;
        }
    }

    private static Stepper stepper(NDManager manager, Objective objective) {
        AdamW adam = new AdamW(manager, objective.parameters(), name -> 1, LoopConfig.defaults());
        return new Stepper(objective, adam, manager, new long[1]);
    }

    private static LanguageModel model(NDManager manager) {
        return LanguageModel.dense(
                "random",
                "",
                Golden.numbers(SHAPE.vocabulary()),
                SHAPE,
                WeightLoader.random(SHAPE, manager, Dtype.FP32, 1));
    }

    private static Objective router(NDManager manager, LanguageModel model, double[] open, boolean sparse, double rho) {
        return router(manager, model, open, sparse, rho, false, SEQUENCES);
    }

    private static Objective router(
            NDManager manager,
            LanguageModel model,
            double[] open,
            boolean sparse,
            double rho,
            boolean recompute,
            int sequences) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        for (int i = 0; i < routers.all().size(); i++) {
            Router r = routers.all().get(i);
            NDArray w = r.parameters().get(0);
            w.set(new float[(int) w.size()]);
            // With no weight, a row executes with the probability its bias says, whatever it holds.
            double p = open[i % 2];
            r.parameters().get(1).set(new float[] {0, (float) Math.log(p / (1 - p))});
        }
        RouterTuningConfig config = RouterTuningConfig.paper(.25)
                .withBudget(Budget.of(.25))
                .withSparseBackward(sparse)
                .withRho(rho)
                .withRecompute(recompute);
        return RouterTuning.of(
                model, routers, Gate.compile(manager), config, LoopConfig.defaults(), batches(sequences), "ids");
    }

    private static Objective lora(LanguageModel adapted, boolean recompute, int sequences) {
        return new LoraTuning(
                adapted, LoraConfig.defaults(), LoopConfig.defaults(), batches(sequences), recompute, "ids");
    }

    private static LayerPolicy skipping(double[] open) {
        return new ForcedPolicy(
                1 - open[0], 1 - open[1], ForcedPolicy.Pattern.UNIFORM, KvPolicy.KEEP, SHAPE.layers(), 7);
    }

    private static Batches batches(int sequences) {
        return number -> {
            Random random = new Random(number);
            int[][] batch = new int[sequences][];
            for (int s = 0; s < sequences; s++) {
                batch[s] = random.ints(LENGTH + 1, 0, SHAPE.vocabulary()).toArray();
            }
            return batch;
        };
    }

    private static Process python(String python, double[] open) throws IOException {
        List<String> command = new ArrayList<>(List.of(python, "src/bench/masked_step.py"));
        for (int n : new int[] {
            SHAPE.width(),
            SHAPE.hidden(),
            SHAPE.layers(),
            SHAPE.heads(),
            SHAPE.kvHeads(),
            SHAPE.vocabulary(),
            Torch.threads()
        }) {
            command.add(Integer.toString(n));
        }
        command.add(Double.toString(open[0]));
        command.add(Double.toString(open[1]));
        command.add(CLOCK.name());
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Peak of one step above what lay there before it, against what the arithmetic must keep. */
    private static void memory(boolean lora, boolean recompute, int sequences) throws IOException {
        double[] open = {.6, .6};
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, SHAPE, LoraConfig.defaults(), 7))
                    .withPolicy(skipping(open));
            IntFunction<Objective> rows =
                    n -> lora ? lora(adapted, recompute, n) : router(manager, model, open, true, 1, recompute, n);
            stepper(manager, rows.apply(1)).step();
            Stepper one = stepper(manager, rows.apply(sequences));
            System.gc();
            Files.writeString(Path.of("/proc/self/clear_refs"), "5");
            double before = status("VmRSS");
            one.step();
            double peak = status("VmHWM") - before;
            double formula = kept(lora, open, sequences * LENGTH, recompute) / (1 << 20);
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %s | %d x %d | %.0f | %.0f | %.2f |%n",
                    lora ? "LoRA" : "router",
                    recompute ? "recomputed" : "whole graph",
                    sequences,
                    LENGTH,
                    peak,
                    formula,
                    peak / formula);
        }
    }

    /**
     * Bytes that a step must hold at its peak. A layer of a graph keeps two streams, keys and values of all rows, f(x) of
     * both modules; queries, attention outputs, gate, silu and up of executing rows. Recomputing keeps a stream a layer
     * and one graph. Either holds a chunk of logits and its gradient. A LoRA step needs no f(x), and of the MLP's stream
     * executing rows only; it keeps what each factor A reads, with a byte an element of dropout.
     */
    private static double kept(boolean lora, double[] open, int n, boolean recompute) {
        double d = SHAPE.width();
        double inputs = lora ? d * (1 + open[1] + 1.25 * (1 + open[0] + open[1])) : 4 * d;
        double layer = n
                * 4.0
                * (inputs + 2.0 * SHAPE.kvWidth() + open[0] * 2 * SHAPE.queryWidth() + open[1] * 3 * SHAPE.hidden());
        double streams = n * 4.0 * d;
        // Logits, their log-softmax and their gradient, of the rows computed at once.
        double logits = 3 * 4.0 * Math.min(n, 512) * SHAPE.vocabulary();
        return recompute
                ? (SHAPE.layers() + 2) * streams + Math.max(layer, logits)
                : SHAPE.layers() * layer + 2 * streams + logits;
    }

    private static double status(String name) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(name))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElse(Double.NaN);
    }
}
