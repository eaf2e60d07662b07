package org.skipgpt.spark;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * Router tuning as a Spark job, a task a worker: tasks divide each step's micro-batches by a folder that all of them see.
 *
 * <p>Workers need not begin together, so the job is no barrier stage, which would begin anew where one task fails: a task that is
 * tried again, or that waits for a free executor, joins the others at what was saved last.
 *
 * <pre>{@code
 * TuningOptions options = TuningOptions.practical().withAccumulation(8).withWorkers(Path.of("/shared/run"), 20);
 * Tuned tuned = SparkTuning.routers(spark, "world", base, texts, 0.25, options, 4, observer);
 * }</pre>
 */
public final class SparkTuning {
    private SparkTuning() {}

    private record Described(Resident base, ArrayList<String> texts, double target, Serializable options)
            implements Serializable {}

    /**
     * Tunes routers; an interrupted thread cancels the job, and the same call goes on where it was.
     *
     * @param model what {@code base} was loaded as
     * @param base dense
     * @param texts documents, as for {@code tuneRouters}
     * @param target share to skip, 0..1
     * @param options their folder of workers is one that executors and driver see
     * @param workers tasks of the job, 1 or more; best as many as can run at once
     * @return what the workers learned, put together by the driver, which makes what is missing where it sees no result
     * @throws IllegalArgumentException if the options have no folder of workers, or there is to be none
     */
    public static Tuned routers(
            SparkSession spark,
            String model,
            LanguageModel base,
            List<String> texts,
            double target,
            TuningOptions options,
            int workers,
            ProgressObserver observer) {
        if (!options.loop().isShared()) {
            throw new IllegalArgumentException(
                    "tuning on Spark has no folder that all workers see: use"
                            + " withWorkers(Path.of(\"/shared/run\"), 20), and withAccumulation(n) with some micro-batches for each");
        }
        if (workers < 1) {
            throw new IllegalArgumentException(
                    "workers " + workers + " must be 1 or more, best as many tasks as the cluster runs at once");
        }
        SparkContext context = spark.sparkContext();
        Path folder = options.loop().folder().orElseThrow().path().toAbsolutePath();
        TuningOptions shared = options.withWorkers(folder, options.loop().saveEvery());
        Described described =
                new Described(Resident.of(model, base), new ArrayList<>(texts), target, Travel.pack("tuning", shared));
        Broadcast<Described> sent = JavaSparkContext.fromSparkContext(context).broadcast(described);
        SparkTold told = new SparkTold("router tuning", workers, 0, "workers", observer);
        List<Integer> numbers = IntStream.range(0, workers).boxed().toList();
        new SparkWork<Integer, String>(context, "router tuning")
                .run(numbers, number -> work(sent.value()), told::done, told::note);
        return SkipGpt.tuneRouters(base, texts, target, shared, observer);
    }

    private static String work(Described described) {
        LanguageModel base =
                described.base().model(Placement.device(described.base().device()));
        TuningOptions options = (TuningOptions) Travel.unpack(described.options());
        return SkipGpt.tuneRouters(base, described.texts(), described.target(), options, ProgressObserver.silent())
                .run()
                .text();
    }
}
