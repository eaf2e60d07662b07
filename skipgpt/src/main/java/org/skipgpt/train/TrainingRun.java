package org.skipgpt.train;

import java.util.Locale;
import org.skipgpt.report.Report;

/**
 * What a run did.
 *
 * @param task what was trained
 * @param steps optimizer steps done, those before a continuation included
 * @param config its settings
 * @param log a row a step
 * @param seconds wall time of this call
 * @param isStopped whether an interrupt ended it early
 */
public record TrainingRun(
        String task, long steps, LoopConfig config, TrainingLog log, double seconds, boolean isStopped)
        implements Report {
    @Override
    public String text() {
        double[] losses = log.column("loss");
        String fall = losses.length == 0
                ? "no steps"
                : String.format(
                        Locale.ROOT, "loss %.3f at first → %.3f (%s)", losses[0], log.standing("loss"), log.window());
        return String.format(
                Locale.ROOT,
                "%s · %d of %d steps%s · %s · %.0f s · seed %d",
                task,
                steps,
                config.steps(),
                isStopped ? " (interrupted)" : "",
                fall,
                seconds,
                config.seed());
    }

    @Override
    public String toString() {
        return text();
    }
}
