package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Batches;
import org.skipgpt.train.LoopConfig;
import org.skipgpt.train.LoraTuning;
import org.skipgpt.train.Objective;
import org.skipgpt.train.RouterTuning;
import org.skipgpt.train.RouterTuningConfig;
import org.skipgpt.train.TrainingLoop;
import org.skipgpt.train.TrainingRun;
import org.skipgpt.weights.WeightLoader;

/**
 * Long runs: memory over 1,000 tuning steps, and a run that is killed again and again.
 *
 * <p>{@code memory [steps]} prints live arrays and resident memory of router tuning and of LoRA tuning. {@code kill [times]
 * [folder]} kills a tuning process that many times at random moments (SIGKILL), lets it continue each time, and compares
 * its losses with those of a run that nobody disturbed.
 */
final class EnduranceStudy {
    private static final int SEQUENCES = 4;
    private static final int LENGTH = 65;

    private EnduranceStudy() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "memory" -> memory(arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1000);
            case "kill" -> kill(Integer.parseInt(arguments[1]), Path.of(arguments[2]));
            case "child" ->
                tune(
                        LoopConfig.defaults()
                                .withSteps(Long.parseLong(arguments[2]))
                                .withCheckpoints(Path.of(arguments[1]), 1),
                        ProgressObserver.silent());
            default -> throw new IllegalArgumentException("memory [steps], or kill times folder");
        }
    }

    private static void memory(int steps) {
        for (boolean lora : new boolean[] {false, true}) {
            try (NDManager manager = Torch.manager(Device.cpu())) {
                LoopConfig loop = LoopConfig.defaults().withSteps(steps);
                Objective objective = lora ? lora(manager, loop) : routers(manager, loop);
                System.out.println(objective.describe() + ": step, live arrays, resident MiB");
                TrainingLoop.run(objective, loop, manager, progress -> {
                    if (progress.done() % (steps / 10) == 0 || progress.done() == steps / 20) {
                        System.out.printf(
                                "%d, %d, %.1f%n",
                                progress.done(), manager.getManagedArrays().size(), resident());
                    }
                });
            }
        }
    }

    /** Resident memory of this process in MiB; NaN where the system does not tell. */
    private static double resident() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }

    private static void kill(int times, Path folder) throws Exception {
        int steps = 4000;
        Random random = new Random(7);
        for (int i = 0; i < times; i++) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx512m",
                            "-Dai.djl.offline=true",
                            "-cp",
                            System.getProperty("java.class.path"),
                            EnduranceStudy.class.getName(),
                            "child",
                            folder.toString(),
                            Integer.toString(steps))
                    .redirectErrorStream(true)
                    .redirectOutput(new File(folder + ".out"))
                    .start();
            long before = modified(folder);
            while (modified(folder) == before && process.isAlive()) {
                Thread.sleep(20);
            }
            // Somewhere within the steps and writes that follow the first one.
            Thread.sleep(random.nextInt(1500));
            process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
        }
        int[] reached = new int[1];
        double[] disturbed = losses(
                LoopConfig.defaults().withSteps(steps).withCheckpoints(folder, 0), progress -> stopAfterOne(), reached);
        int done = reached[0];
        double[] whole = losses(
                LoopConfig.defaults().withSteps(steps),
                progress -> {
                    if (progress.done() == disturbed.length) {
                        Thread.currentThread().interrupt();
                    }
                },
                reached);
        System.out.printf(
                "killed %d times, %d steps, losses equal bit for bit: %b%n",
                times, done, Arrays.equals(disturbed, whole));
    }

    private static void stopAfterOne() {
        Thread.currentThread().interrupt();
    }

    private static long modified(Path folder) throws IOException {
        Path state = folder.resolve("run.safetensors");
        return Files.exists(state) ? Files.getLastModifiedTime(state).toMillis() : 0;
    }

    private static double[] losses(LoopConfig loop, ProgressObserver observer, int[] reached) {
        TrainingRun run = tune(loop, observer);
        Thread.interrupted();
        reached[0] = (int) run.steps();
        return run.log().column("loss");
    }

    private static TrainingRun tune(LoopConfig loop, ProgressObserver observer) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            return TrainingLoop.run(routers(manager, loop), loop, manager, observer);
        }
    }

    static Objective routers(NDManager manager, LoopConfig loop) {
        LanguageModel model = model(manager);
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        return RouterTuning.of(
                model, routers, Gate.compile(manager), RouterTuningConfig.paper(.25), loop, batches(), "ids");
    }

    static Objective lora(NDManager manager, LoopConfig loop) {
        LanguageModel model = model(manager);
        LoraConfig config = LoraConfig.defaults();
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        LanguageModel adapted = model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers))
                .withAdapter(Lora.init(manager, model.config(), config, 7));
        return new LoraTuning(adapted, config, loop, batches(), false, "ids");
    }

    private static LanguageModel model(NDManager manager) {
        DecoderConfig shape = DecoderConfig.llama(256, 64, 128, 4, 4, 2);
        return LanguageModel.dense(
                "tiny", "", Golden.numbers(256), shape, WeightLoader.random(shape, manager, Dtype.FP32, 5));
    }

    /** Sequences of changing length, so that a cache by shape would grow. */
    private static Batches batches() {
        return number -> {
            Random random = new Random(number);
            int[][] batch = new int[SEQUENCES][];
            for (int s = 0; s < SEQUENCES; s++) {
                batch[s] = random.ints(LENGTH / 2 + random.nextInt(LENGTH / 2), 0, 256)
                        .toArray();
            }
            return batch;
        };
    }
}
