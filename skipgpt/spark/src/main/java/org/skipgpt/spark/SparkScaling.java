package org.skipgpt.spark;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.skipgpt.analyze.Scaling;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/**
 * A scaling sweep as a Spark job, one task a trial; executors and driver share the sweep's file.
 *
 * <pre>{@code
 * SparkScaling.sweep(spark, "world", base, List.of(new SparkScaling.Trial("random", "25 %", base.hash(), maker)), texts, file, observer)
 * }</pre>
 */
public final class SparkScaling {
    private SparkScaling() {}

    /**
     * One model to measure.
     *
     * @param method the line it belongs to
     * @param setting what tells it from the method's others
     * @param identity what decides the model's numbers
     * @param maker makes it on the executor
     */
    public record Trial(String method, String setting, String identity, ModelMaker maker) implements Serializable {
        private Scaling.Trial with(LanguageModel base) {
            return new Scaling.Trial(method, setting, identity, () -> maker.make(base));
        }
    }

    private record Described(Resident base, ArrayList<int[]> texts, String file) implements Serializable {}

    /**
     * Measures every trial; an interrupted thread cancels the job and keeps what is done.
     *
     * @param model what {@code base} was loaded as
     * @param texts token ids
     * @param file in a folder that every executor sees; a trial whose point does not arrive in it is measured by the driver
     */
    public static Scaling sweep(
            SparkSession spark,
            String model,
            LanguageModel base,
            List<Trial> trials,
            List<int[]> texts,
            Path file,
            ProgressObserver observer) {
        SparkContext context = spark.sparkContext();
        Described described = new Described(
                Resident.of(model, base),
                new ArrayList<>(texts),
                file.toAbsolutePath().toString());
        Serialized.check("the sweep", new ArrayList<>(trials));
        Broadcast<Described> sent = JavaSparkContext.fromSparkContext(context).broadcast(described);
        SparkTold told = new SparkTold("scaling sweep", trials.size(), 0, "models", observer);
        new SparkWork<Trial, String>(context, "scaling sweep")
                .run(trials, trial -> measure(sent.value(), trial), told::done, told::note);
        List<Scaling.Trial> all = trials.stream().map(trial -> trial.with(base)).toList();
        return Scaling.sweep(all, texts, Optional.of(file), ProgressObserver.silent());
    }

    private static String measure(Described described, Trial trial) {
        LanguageModel base =
                described.base().model(Placement.device(described.base().device()));
        Scaling.sweep(
                List.of(trial.with(base)),
                described.texts(),
                Optional.of(Path.of(described.file())),
                ProgressObserver.silent());
        return trial.method() + " " + trial.setting();
    }
}
