package org.skipgpt.spark;

import org.apache.spark.sql.SparkSession;
import org.skipgpt.Study;
import org.skipgpt.StudyEngine;
import org.skipgpt.StudyOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/** {@code ./run study spark=URL}. */
public final class SparkStudyEngine implements StudyEngine {
    /** Made by the service loader. */
    public SparkStudyEngine() {}

    @Override
    public String name() {
        return "spark";
    }

    @Override
    public Study run(String where, String model, LanguageModel base, StudyOptions options, ProgressObserver observer) {
        // System properties named spark.* set everything else, as they do for every Spark program.
        SparkSession.Builder builder = SparkSession.builder()
                .master(where)
                .appName("SkipGPT study")
                .config("spark.ui.enabled", System.getProperty("spark.ui.enabled", "false"));
        // Executors of this process have its class path; others are sent what the launcher names.
        String jars = System.getProperty("skipgpt.spark.jars", "");
        if (!where.matches("local(\\[.*)?") && !jars.isEmpty()) {
            builder.config("spark.jars", jars);
        }
        SparkSession spark = builder.getOrCreate();
        try {
            return SparkStudy.run(spark, model, base, options, observer);
        } finally {
            spark.stop();
        }
    }
}
