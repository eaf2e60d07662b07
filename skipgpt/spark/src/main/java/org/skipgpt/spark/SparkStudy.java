package org.skipgpt.spark;

import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.skipgpt.Study;
import org.skipgpt.StudyCell;
import org.skipgpt.StudyCells;
import org.skipgpt.StudyOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.WholeFile;

/**
 * The rows of a study as tasks of a Spark job, one task a row.
 *
 * <p>Every executor loads the dense model once, by the name it is given here, and keeps it; what travels is the study's settings
 * and texts, once for each executor, and the names of rows. A finished row goes into the study's folder and to the driver, which
 * puts it there where executors do not share the folder. So a row that two executors make is one row, and a lost executor costs
 * the row it was at.
 *
 * <p>Where tasks get GPUs from Spark, each computes on its own: {@code spark.executor.resource.gpu.amount=1} and
 * {@code spark.task.resource.gpu.amount=1}.
 *
 * <pre>{@code
 * SparkSession spark = SparkSession.builder().master("local[*]").getOrCreate();
 * Study table = SparkStudy.run(spark, "world", model, options, observer);
 * }</pre>
 */
public final class SparkStudy {
    private SparkStudy() {}

    /**
     * Makes the rows that are missing; an interrupted thread cancels the job and keeps what is done.
     *
     * @param model what {@code base} was loaded as; every executor loads it by this name, so a folder must be at one place on all
     * @param base the dense model, loaded here
     * @throws IllegalArgumentException if a method holds what cannot travel; the message names it
     * @throws IllegalStateException if a row failed on every attempt
     */
    public static Study run(
            SparkSession spark, String model, LanguageModel base, StudyOptions options, ProgressObserver observer) {
        StudyCells cells = StudyCells.of(base, options, observer);
        List<StudyCell> all = cells.all();
        List<StudyCell> missing = cells.missing();
        SparkTold told = new SparkTold("study", all.size(), all.size() - missing.size(), "rows", observer);
        SparkContext context = spark.sparkContext();
        Described described = new Described(
                Resident.of(model, base),
                Travel.pack("study", options.withFolder(options.folder().toAbsolutePath())));
        Serialized.check("the study", described);
        Broadcast<Described> sent = JavaSparkContext.fromSparkContext(context).broadcast(described);
        try {
            new SparkWork<StudyCell, Row>(context, "study")
                    .run(missing, cell -> make(sent.value(), cell), row -> keep(cells, row, told), told::note);
        } finally {
            boolean interrupted = Thread.interrupted(); // which would end the farewell halfway
            sent.unpersist();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        return cells.study();
    }

    /** A study on its way. */
    private record Described(Resident base, Serializable options) implements Serializable {}

    /** A finished row on its way back: the file that keeps it. */
    private record Row(StudyCell cell, byte[] file) implements Serializable {}

    private static Row make(Described described, StudyCell cell) throws java.io.IOException {
        StudyCells cells = Known.cells(described);
        if (cells.make(cell).isEmpty()) {
            throw new CancellationException("row " + cell.name() + " was stopped");
        }
        return new Row(cell, Files.readAllBytes(cells.file(cell)));
    }

    private static void keep(StudyCells cells, Row row, SparkTold told) {
        Path file = cells.file(row.cell());
        if (!Files.exists(file)) { // executors have folders of their own
            WholeFile.write(file, row.file());
        }
        told.done(row.cell().method());
    }

    /** Studies that this process makes rows of; texts are cut and hashed once for all its rows. */
    private static final class Known {
        // A broadcast's value is one object in a process.
        private static final IdentityHashMap<Described, StudyCells> CELLS = new IdentityHashMap<>();

        private Known() {}

        static StudyCells cells(Described described) {
            LanguageModel base =
                    described.base().model(Placement.device(described.base().device()));
            synchronized (CELLS) {
                if (!CELLS.containsKey(described)) {
                    CELLS.clear();
                }
                return CELLS.computeIfAbsent(
                        described,
                        one -> StudyCells.of(
                                base, (StudyOptions) Travel.unpack(one.options()), ProgressObserver.silent()));
            }
        }
    }
}
