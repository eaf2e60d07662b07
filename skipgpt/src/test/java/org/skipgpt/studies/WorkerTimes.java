package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.FuzzKept;
import org.skipgpt.SkipGpt;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * By hand: tokens a second of router tuning by one process that shares nothing, and by several that share a folder.
 *
 * <p>Arguments: a model, a text file, steps, micro-batches a step, and numbers of workers, 0 for the process that shares nothing, e.g.
 * {@code world text.txt 20 8 0 1 2 0 1 2}. Every process starts with one thread of the engine. A line a process: the median of the
 * steps in which all workers were seen, seconds that its thread had a core, a step, and the last loss, which is one for all.
 */
public final class WorkerTimes {
    private static final int WARM = 2;

    private WorkerTimes() {}

    /** Runs the study. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        for (String count : List.of(arguments).subList(4, arguments.length)) {
            Path folder = Files.createTempDirectory("workers");
            List<Process> all = new ArrayList<>();
            for (int i = 0; i < Math.max(1, Integer.parseInt(count)); i++) {
                List<String> command = new ArrayList<>(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Worker.class.getName(),
                        folder.toString(),
                        count));
                command.addAll(List.of(arguments).subList(0, 4));
                ProcessBuilder builder = new ProcessBuilder(command);
                builder.environment().put("OMP_NUM_THREADS", "1");
                builder.redirectOutput(ProcessBuilder.Redirect.INHERIT);
                all.add(builder.start());
            }
            for (Process process : all) {
                process.waitFor();
            }
            FuzzKept.removeAll(folder);
        }
    }

    /** One process. */
    static final class Worker {
        private Worker() {}

        public static void main(String[] arguments) throws IOException {
            int workers = Integer.parseInt(arguments[1]);
            SkipGpt.workspace("cpu", "fp32");
            List<String> documents = Arrays.stream(
                            Files.readString(Path.of(arguments[3])).split("\n\\s*\n"))
                    .filter(text -> text.length() > 300)
                    .toList();
            TuningOptions options = TuningOptions.practical()
                    .withDenseStart()
                    .withSteps(Long.parseLong(arguments[4]))
                    .withAccumulation(Integer.parseInt(arguments[5]))
                    .withHeldOut(1)
                    .withKeptShare(false);
            TuningOptions own = workers == 0 ? options : options.withWorkers(Path.of(arguments[0]), 10);
            List<Boolean> isFull = new ArrayList<>();
            List<Double> used = new ArrayList<>();
            Tuned tuned = SkipGpt.tuneRouters(SkipGpt.load(arguments[2]), documents, 0.25, own, progress -> {
                if (progress.task().equals("router tuning")) {
                    isFull.add(workers == 0 || progress.note().endsWith("workers: " + workers));
                    used.add(BenchmarkClock.THREAD_CPU.seconds());
                }
            });
            double[] speed = tuned.run().log().column("tokens/s");
            int from = speed.length - isFull.size();
            double[] counted = IntStream.range(WARM, isFull.size())
                    .filter(isFull::get)
                    .mapToDouble(i -> speed[from + i])
                    .sorted()
                    .toArray();
            double cpu = (used.get(used.size() - 1) - used.get(WARM)) / (used.size() - 1 - WARM);
            System.out.printf(
                    Locale.ROOT,
                    "%d workers · %.0f tokens/s (median of %d steps) · %.2f s of a CPU a step · last loss %s%n",
                    workers,
                    counted.length == 0 ? Double.NaN : counted[counted.length / 2],
                    counted.length,
                    cpu,
                    tuned.run().log().column("loss")[speed.length - 1]);
            System.exit(0);
        }
    }
}
