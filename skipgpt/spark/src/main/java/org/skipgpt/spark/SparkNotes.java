package org.skipgpt.spark;

import java.util.function.Consumer;
import org.apache.spark.Success$;
import org.apache.spark.TaskKilled;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/** Says in lines what went wrong in a job and is run again. */
final class SparkNotes extends SparkListener {
    private final Consumer<String> noted;

    SparkNotes(Consumer<String> noted) {
        this.noted = noted;
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
        noted.accept("executor " + removed.executorId() + " is lost (" + removed.reason()
                + "); what it was at is made again");
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
        if (!Success$.MODULE$.equals(end.reason()) && !(end.reason() instanceof TaskKilled)) {
            String lines = end.reason().toString();
            noted.accept("attempt " + (end.taskInfo().attemptNumber() + 1) + " at piece "
                    + end.taskInfo().index() + " failed: "
                    + lines.lines().findFirst().orElse(""));
        }
    }
}
