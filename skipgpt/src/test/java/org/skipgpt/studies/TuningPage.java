package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Collectors;
import org.skipgpt.SkipGpt;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Batches;
import org.skipgpt.train.DocumentBatches;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.train.TuningSteps;

/**
 * Measures tuning steps in turns and prints markdown for docs/tuning.md: {@code wide PYTHON} on texts of one length and
 * a wide model, {@code world PYTHON} on the embedded world's texts and a model of its shape.
 */
final class TuningPage {
    /** The wide model. */
    static final DecoderConfig SHAPE =
            DecoderConfig.llama(8192, 1024, 2816, 4, 16, 8).withMaxPositions(4096);

    static final int LENGTH = 512;
    private static final int SEQUENCES = 2;
    private static final double RHO = 0.25;
    private static final double[][] OPEN = {{.65, .8}, {.6, .6}, {.4, .4}};

    private TuningPage() {}

    public static void main(String[] arguments) throws IOException {
        boolean wide = arguments[0].equals("wide");
        if (!wide && !arguments[0].equals("world")) {
            throw new IllegalArgumentException(arguments[0] + ": expected wide or world, then a Python with torch");
        }
        Workload work = wide ? Workload.wide() : Workload.world();
        System.out.printf(
                Locale.ROOT,
                "%s, fp32, %s, %d threads, %s, medians of %d in turns, load average %.1f%n%n",
                work.shape(),
                wide ? SEQUENCES + " x " + LENGTH + " tokens" : "8 texts a step",
                Torch.threads(),
                TuningSteps.CLOCK,
                Turns.REPEATS,
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
        for (double[] open : OPEN) {
            for (String form : List.of("together", "single")) {
                routerSteps(work, open, form, arguments[1]);
            }
            loraSteps(work, open);
        }
    }

    /** Batches of token ids. */
    static Batches batches(int sequences) {
        return number -> {
            Random random = new Random(number);
            int[][] batch = new int[sequences][];
            for (int s = 0; s < sequences; s++) {
                batch[s] = random.ints(LENGTH + 1, 0, SHAPE.vocabulary()).toArray();
            }
            return batch;
        };
    }

    /** What steps are measured on. */
    private record Workload(DecoderConfig shape, Batches batches) {
        static Workload wide() {
            return new Workload(SHAPE, TuningPage.batches(SEQUENCES));
        }

        /** Rows as workshop settings draw them. */
        static Workload world() {
            SkipGpt.workspace("cpu", "fp32");
            LanguageModel world = SkipGpt.load("world");
            TuningOptions options = TuningOptions.workshop();
            return new Workload(
                    world.config(),
                    DocumentBatches.truncated(
                            SkipGpt.worldTexts(400, 100), world.tokenizer(), options.sequences(), options.length(), 1));
        }

        /** Inputs of each text of a step. */
        int[] lengths(long step) {
            return Arrays.stream(LanguageLoss.inputs(batches.batch(step)))
                    .mapToInt(row -> row.length)
                    .toArray();
        }

        /** Operations a token; what it attends to grows with its text's length. */
        TuningFlops flops(double[] open) {
            double tokens = 0;
            double squares = 0;
            for (int step = 0; step <= Turns.REPEATS; step++) {
                for (int n : lengths(step)) {
                    tokens += n;
                    squares += (double) n * n;
                }
            }
            return TuningFlops.of(shape, squares / tokens, open);
        }
    }

    /**
     * Times router steps.
     *
     * @param form how Python takes the texts: {@code together} in one batch, or {@code single}, one after another with
     *     gradients accumulated, as the authors' settings have it
     */
    private static void routerSteps(Workload work, double[] open, String form, String python) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Rival masked = Rival.start(
                        python, "masked_step.py", work.shape(), open[0], open[1], TuningSteps.CLOCK.name())) {
            TuningSteps steps = new TuningSteps(manager, TuningSteps.random(manager, work.shape()), work.batches());
            TuningSteps.Step full = steps.routerFull(open);
            TuningSteps.Step exact = steps.router(open, 1, false);
            TuningSteps.Step sampled = steps.router(open, RHO, false);
            Turns t = Turns.of(List.of(
                    full::seconds,
                    () -> masked.seconds(form + " " + words(work.lengths(exact.at()[0]))),
                    exact::seconds,
                    sampled::seconds));
            TuningFlops flops = work.flops(open);
            System.out.println(masked.versions());
            routerRow("router, exact", form, open, t, 2, flops.routerFull() / flops.routerSparse(1));
            routerRow("router, a quarter", form, open, t, 3, flops.routerFull() / flops.routerSparse(RHO));
        }
    }

    private static String words(int[] numbers) {
        return Arrays.stream(numbers).mapToObj(Integer::toString).collect(Collectors.joining(" "));
    }

    private static void routerRow(String name, String form, double[] open, Turns t, int step, double ideal) {
        System.out.printf(
                Locale.ROOT,
                "| %s | %s | %.0f, %.0f %% | %.3f | %.3f | %.3f | %.2f | %.2f | %.2f | %.2f | %.1f %% |%n",
                name,
                form,
                100 * (1 - open[0]),
                100 * (1 - open[1]),
                t.of(step),
                t.of(0),
                t.of(1),
                t.of(1) / t.of(step),
                t.of(0) / t.of(step),
                ideal,
                t.of(0) / t.of(step) / ideal,
                100 * t.spread());
    }

    private static void loraSteps(Workload work, double[] open) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TuningSteps steps = new TuningSteps(manager, TuningSteps.random(manager, work.shape()), work.batches());
            TuningSteps.Step packed = steps.lora(open, false);
            TuningSteps.Step dense = steps.loraDense();
            Turns t = Turns.of(List.of(packed::seconds, dense::seconds));
            double ideal =
                    work.flops(new double[] {1, 1}).lora() / work.flops(open).lora();
            System.out.printf(
                    Locale.ROOT,
                    "| LoRA | | %.0f, %.0f %% | %.3f | %.3f | | | %.2f | %.2f | %.2f | %.1f %% |%n",
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
}
