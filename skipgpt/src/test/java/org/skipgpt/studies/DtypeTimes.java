package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/**
 * Times of one new token of SmolLM2-135M's shape in Java, in several element types that take turns. Arguments: the types, with commas, and turns.
 * With one thread (OMP_NUM_THREADS=1) what the thread itself used says more than the clock on a machine with neighbours.
 */
final class DtypeTimes {
    private static final DecoderConfig SHAPE =
            DecoderConfig.llama(49152, 576, 1536, 30, 9, 3).withMaxPositions(2048);

    private static final int TOKENS = 8;
    private static final int WARM_TURNS = 4;

    private DtypeTimes() {}

    /** One element type. */
    private record Runner(Dtype dtype, Session session, List<Double> seconds, AtomicLong used) {}

    public static void main(String[] arguments) {
        int turns = Integer.parseInt(arguments[1]);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        try (NDManager manager = Torch.manager(Device.cpu())) {
            List<Runner> runners = new ArrayList<>();
            for (String name : arguments[0].split(",")) {
                Dtype dtype = Dtype.of(name);
                LanguageModel model = LanguageModel.dense(
                                "random",
                                "",
                                Golden.numbers(SHAPE.vocabulary()),
                                SHAPE,
                                WeightLoader.random(SHAPE, manager, dtype, 1))
                        .withStep(DecodingStep.JAVA);
                System.out.println(dtype + ": " + model.decoding());
                runners.add(new Runner(dtype, model.session(1), new ArrayList<>(), new AtomicLong()));
            }
            System.out.println(
                    Provenance.of("").cpu() + "; " + Provenance.of("").versions());
            double load = load();
            for (int turn = -WARM_TURNS; turn < turns; turn++) {
                for (Runner runner : runners) {
                    long before = threads.getCurrentThreadCpuTime();
                    for (int t = 0; t < TOKENS; t++) {
                        long begun = System.nanoTime();
                        runner.session().append(new int[] {t});
                        if (turn >= 0) {
                            runner.seconds().add((System.nanoTime() - begun) / 1e9);
                        }
                    }
                    runner.used().addAndGet(turn < 0 ? 0 : threads.getCurrentThreadCpuTime() - before);
                }
            }
            for (Runner runner : runners) {
                double[] all = runner.seconds().stream()
                        .mapToDouble(Double::doubleValue)
                        .toArray();
                System.out.printf(
                        Locale.ROOT,
                        "%-5s median %6.2f ms, best %6.2f, spread %3.0f %%; the thread's own %6.2f ms%n",
                        runner.dtype(),
                        1e3 * Times.of(all).median(),
                        1e3 * Arrays.stream(all).min().orElse(0),
                        100 * Times.of(all).spread(),
                        runner.used().get() / 1e6 / all.length);
            }
            System.out.printf(Locale.ROOT, "load average %.1f to %.1f%n", load, load());
        }
    }

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }
}
