package org.skipgpt.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.skipgpt.SkipGpt;
import org.skipgpt.Study;
import org.skipgpt.StudyOptions;
import org.skipgpt.Workspace;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/**
 * By hand: executors of a cluster of several processes on this machine are killed while they make a study, and its table is
 * compared with one made without Spark; and what the engine costs.
 *
 * <p>Arguments: {@code kill}, {@code cost}, {@code engine} or {@code place}, and a folder. A cluster of this kind starts Java from
 * {@code SPARK_HOME/jars}: link Spark's and our jars there. The environment's {@code TRIAL_SEEDS} is how many random rows there are.
 */
final class ClusterTrial {
    private ClusterTrial() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createDirectories(Path.of(arguments[1])).toAbsolutePath();
        TinyStudy.data(folder.resolve("data"), Integer.parseInt(System.getenv().getOrDefault("TRIAL_QUESTIONS", "2")));
        switch (arguments[0]) {
            case "kill" -> kill(folder);
            case "cost" -> cost(folder);
            case "place" -> place(folder);
            case "engine" -> engine();
            default -> throw new IllegalArgumentException("expected kill, cost, engine or place, not " + arguments[0]);
        }
    }

    private static SparkSession session(String master) {
        return SparkSession.builder()
                .master(master)
                .config("spark.ui.enabled", "false")
                .config("spark.executor.memory", "1g")
                .config("spark.driver.host", "127.0.0.1")
                .config(
                        "spark.executor.extraJavaOptions",
                        "-Dai.djl.offline=true -Dskipgpt.home=" + System.getProperty("skipgpt.home"))
                .config("spark.executorEnv.OMP_NUM_THREADS", "1")
                .getOrCreate();
    }

    private static StudyOptions options(Path folder, String name) throws IOException {
        long[] seeds = LongStream.rangeClosed(1, Long.parseLong(System.getenv().getOrDefault("TRIAL_SEEDS", "8")))
                .toArray();
        return TinyStudy.options(Files.createDirectories(folder.resolve(name)), folder.resolve("data"), seeds);
    }

    private static List<ProcessHandle> executors() {
        return ProcessHandle.current()
                .descendants()
                .filter(one -> one.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .filter(one -> one.info().command().orElse("").endsWith("java"))
                .toList();
    }

    /** Kills an executor after so many rows, a moment later. */
    private static final class Killer implements ProgressObserver {
        private final List<Long> after;

        Killer(Long... after) {
            this.after = new ArrayList<>(Arrays.asList(after));
        }

        @Override
        public void progress(Progress progress) {
            System.out.printf(
                    "%5.1f s  %d/%d  %s%n", progress.seconds(), progress.done(), progress.total(), progress.note());
            if (!after.isEmpty() && progress.done() >= after.get(0)) {
                after.remove(0);
                List<ProcessHandle> all = executors();
                if (!all.isEmpty()) {
                    wait(ThreadLocalRandom.current().nextInt(400));
                    ProcessHandle one = all.get(ThreadLocalRandom.current().nextInt(all.size()));
                    System.out.println("killing executor process " + one.pid() + " of "
                            + all.stream().map(p -> Long.toString(p.pid())).collect(Collectors.joining(", ")));
                    one.destroyForcibly();
                }
            }
        }

        private static void wait(int millis) {
            try {
                TimeUnit.MILLISECONDS.sleep(millis);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void kill(Path folder) throws IOException {
        Workspace.open("cpu", "fp32");
        LanguageModel model = SkipGpt.load("world");
        Study expected = SkipGpt.study(model, options(folder, "alone"), ProgressObserver.silent());
        try (SparkSession spark = session("local-cluster[2,1,1024]")) {
            long seed = System.nanoTime();
            Random random = new Random(seed);
            Killer killer = new Killer(1L + random.nextInt(2), 4L + random.nextInt(2));
            Study found = SparkStudy.run(spark, "world", model, options(folder, "spark"), killer);
            System.out.println("complete: " + found.isComplete());
            System.out.println("equal tables: " + TinyStudy.numbers(found).equals(TinyStudy.numbers(expected)));
            System.out.println("rows made, the killed ones' among them: " + TinyStudy.made(folder.resolve("spark")));
        }
    }

    private static void cost(Path folder) throws IOException {
        Workspace.open("cpu", "fp32");
        LanguageModel model = SkipGpt.load("world");
        SkipGpt.study(model, options(folder, "warm"), ProgressObserver.silent());
        List<String> lines = new ArrayList<>();
        for (int turn = 0; turn < 3; turn++) {
            long start = System.nanoTime();
            SkipGpt.study(model, options(folder, "plain" + turn), ProgressObserver.silent());
            double plain = (System.nanoTime() - start) / 1e9;
            start = System.nanoTime();
            try (SparkSession spark = session("local[1]")) {
                double session = (System.nanoTime() - start) / 1e9;
                start = System.nanoTime();
                SparkStudy.run(spark, "world", model, options(folder, "spark" + turn), ProgressObserver.silent());
                double job = (System.nanoTime() - start) / 1e9;
                lines.add(String.format(
                        "plain %.2f s, session %.2f s, job %.2f s, job/plain %.3f", plain, session, job, job / plain));
            }
            System.out.println(lines.get(turn));
        }
        for (int executors = 1; executors <= 2; executors++) {
            long start = System.nanoTime();
            try (SparkSession spark = session("local-cluster[" + executors + ",1,1024]")) {
                double session = (System.nanoTime() - start) / 1e9;
                for (String turn : List.of("first", "second")) {
                    start = System.nanoTime();
                    SparkStudy.run(
                            spark,
                            "world",
                            model,
                            options(folder, "cluster" + executors + turn),
                            ProgressObserver.silent());
                    System.out.printf(
                            "%d executors, %s study: session %.2f s, job %.2f s%n",
                            executors, turn, session, (System.nanoTime() - start) / 1e9);
                }
            }
        }
    }

    // What a piece costs that does nothing, in milliseconds of wall time and of this process's CPU time.
    private static void engine() throws IOException {
        for (String master : List.of("local[1]", "local-cluster[1,1,1024]", "local-cluster[2,1,1024]")) {
            try (SparkSession spark = session(master)) {
                for (int turn = 0; turn < 6; turn++) {
                    List<Integer> pieces =
                            IntStream.range(0, turn == 0 ? 1 : 200).boxed().toList();
                    long start = System.nanoTime();
                    Duration before = spent();
                    new SparkWork<Integer, Integer>(spark.sparkContext(), "nothing")
                            .run(pieces, piece -> piece, piece -> {}, note -> {});
                    System.out.printf(
                            "%s: %d pieces, %.1f ms a piece, of this process's CPU %.1f ms%n",
                            master,
                            pieces.size(),
                            (System.nanoTime() - start) / 1e6 / pieces.size(),
                            (double) spent().minus(before).toMillis() / pieces.size());
                }
            }
        }
    }

    private static Duration spent() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Which device each task is given, from a discovery script that names made-up GPUs. */
    private static void place(Path folder) throws IOException {
        Path script = folder.resolve("gpus.sh");
        Files.writeString(script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"2\", \"5\"]}'\n");
        if (!script.toFile().setExecutable(true)) {
            throw new IOException(script + " cannot be made executable");
        }
        try (SparkSession spark = SparkSession.builder()
                .master("local-cluster[1,2,1024]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.worker.resource.gpu.amount", "2")
                .config("spark.worker.resource.gpu.discoveryScript", script.toString())
                .config("spark.executor.resource.gpu.amount", "1")
                .config("spark.task.resource.gpu.amount", "1")
                .config("spark.executor.cores", "1")
                .config("spark.executor.memory", "512m")
                .getOrCreate()) {
            List<String> devices = JavaSparkContext.fromSparkContext(spark.sparkContext())
                    .parallelize(List.of(1, 2, 3, 4), 4)
                    .map(one -> {
                        TimeUnit.SECONDS.sleep(2);
                        return ProcessHandle.current().pid() + " on " + Placement.device("cpu");
                    })
                    .collect();
            System.out.println("tasks: " + devices);
        }
    }
}
