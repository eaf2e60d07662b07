package org.skipgpt.spark;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.skipgpt.SkipGpt;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/**
 * An evaluation as a Spark job, one task of Spark a benchmark; the scores of questions come together in one store.
 *
 * <pre>{@code
 * SparkEvaluation.run(spark, "world", base, maker, options.withStore(Path.of("/shared/scores.jsonl")), observer, "piqa", "boolq")
 * }</pre>
 */
public final class SparkEvaluation {
    private SparkEvaluation() {}

    private record Described(Resident base, Serializable options, ModelMaker maker) implements Serializable {}

    /**
     * Scores a model; an interrupted thread cancels the job and keeps the questions that are scored.
     *
     * @param model what {@code base} was loaded as
     * @param maker makes the model that is scored of the dense one
     * @param options their store lies in a folder that every executor sees; a question that does not arrive in it is scored by the
     *     driver
     * @param tasks names of benchmarks
     * @throws IllegalArgumentException if the options have no store
     */
    public static Evaluation run(
            SparkSession spark,
            String model,
            LanguageModel base,
            ModelMaker maker,
            EvaluationOptions options,
            ProgressObserver observer,
            String... tasks) {
        Path store = options.store()
                .orElseThrow(
                        () -> new IllegalArgumentException(
                                "an evaluation on Spark has no store: scores of questions"
                                        + " come together in a file that every executor sees, withStore(Path.of(\"/shared/scores.jsonl\"))"));
        SparkContext context = spark.sparkContext();
        EvaluationOptions shared = options.withStore(store.toAbsolutePath());
        Described described = new Described(Resident.of(model, base), Travel.pack("evaluation", shared), maker);
        Serialized.check("the evaluation", described);
        Broadcast<Described> sent = JavaSparkContext.fromSparkContext(context).broadcast(described);
        SparkTold told = new SparkTold("evaluation", tasks.length, 0, "tasks", observer);
        new SparkWork<String, String>(context, "evaluation")
                .run(List.of(tasks), task -> score(sent.value(), task), told::done, told::note);
        return SkipGpt.evaluate(maker.make(base), List.of(tasks), shared, observer);
    }

    private static String score(Described described, String task) {
        LanguageModel base =
                described.base().model(Placement.device(described.base().device()));
        EvaluationOptions options = (EvaluationOptions) Travel.unpack(described.options());
        SkipGpt.evaluate(described.maker().make(base), List.of(task), options, ProgressObserver.silent());
        return task;
    }
}
