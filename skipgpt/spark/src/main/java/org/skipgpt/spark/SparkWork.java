package org.skipgpt.spark;

import java.io.Serializable;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.jspecify.annotations.Nullable;
import scala.Option;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;
import scala.util.Try;

/**
 * A list of pieces of work as one Spark job, a task a piece; results are handled on the calling thread as they come.
 *
 * @param <T> a piece of work, small
 * @param <R> what it results in
 */
final class SparkWork<T extends Serializable, R extends Serializable> {
    private static final long LOOK_MILLIS = 200;

    private final SparkContext spark;
    private final String what;
    private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();

    SparkWork(SparkContext spark, String what) {
        this.spark = spark;
        this.what = what;
    }

    /** A piece's turn on an executor. */
    private static final class Turn<T, R> extends AbstractFunction1<Iterator<T>, R> implements Serializable {
        private final Function<T, R> work;

        Turn(Function<T, R> work) {
            this.work = work;
        }

        @Override
        public R apply(Iterator<T> pieces) {
            try {
                return work.call(pieces.next());
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * Runs the job.
     *
     * @param work serializable, as is all that it holds
     * @param done takes each result once, whatever was run again
     * @param noted takes a line where a task failed or an executor was lost
     * @return false where the calling thread was interrupted, which stays so; the job is cancelled then
     * @throws RuntimeException what a task threw, in words, when Spark gave it up
     */
    boolean run(List<T> pieces, Function<T, R> work, Consumer<R> done, Consumer<String> noted) {
        if (pieces.isEmpty()) {
            return true;
        }
        SparkNotes notes = new SparkNotes(line -> events.add(() -> noted.accept(line)));
        String group = what + " " + UUID.randomUUID();
        spark.addSparkListener(notes);
        spark.setJobGroup(group, what, true);
        try {
            return attend(submit(pieces, work, done), group);
        } finally {
            spark.clearJobGroup();
            spark.removeSparkListener(notes);
        }
    }

    private SimpleFutureAction<BoxedUnit> submit(List<T> pieces, Function<T, R> work, Consumer<R> done) {
        var parts = JavaSparkContext.fromSparkContext(spark)
                .parallelize(pieces, pieces.size())
                .rdd();
        List<Object> all = java.util.stream.IntStream.range(0, pieces.size())
                .<Object>mapToObj(i -> i)
                .toList();
        return spark.submitJob(
                parts,
                new Turn<>(work),
                CollectionConverters.asScala(all).toSeq(),
                new AbstractFunction2<Object, R, BoxedUnit>() {
                    @Override
                    public BoxedUnit apply(Object index, R result) {
                        events.add(() -> done.accept(result));
                        return BoxedUnit.UNIT;
                    }
                },
                new AbstractFunction0<BoxedUnit>() {
                    @Override
                    public BoxedUnit apply() {
                        return BoxedUnit.UNIT;
                    }
                });
    }

    private boolean attend(SimpleFutureAction<BoxedUnit> job, String group) {
        try {
            while (true) {
                boolean isOver = job.isCompleted(); // asked first: what it brought is in the queue by then
                @Nullable Runnable event = events.poll(isOver ? 0 : LOOK_MILLIS, TimeUnit.MILLISECONDS);
                if (event != null) {
                    event.run();
                } else if (isOver) {
                    return outcome(job);
                }
            }
        } catch (InterruptedException | CancellationException e) {
            cancel(group);
            Thread.currentThread().interrupt();
            return false;
        } catch (RuntimeException | Error e) {
            cancel(group);
            throw e;
        }
    }

    private void cancel(String group) {
        if (!spark.isStopped()) { // as it is where somebody stopped the session
            spark.cancelJobGroup(group);
        }
    }

    private boolean outcome(SimpleFutureAction<BoxedUnit> job) {
        Option<Try<BoxedUnit>> value = job.value();
        Try<BoxedUnit> ended = value.get();
        if (ended.isFailure()) {
            Throwable fault = ended.failed().get();
            throw new IllegalStateException(
                    what + " on Spark failed; what was finished is kept: " + fault.getMessage(), fault);
        }
        return true;
    }
}
