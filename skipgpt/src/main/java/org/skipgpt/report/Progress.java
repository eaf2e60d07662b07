package org.skipgpt.report;

/**
 * How far a long task is.
 *
 * @param task what is being done, e.g. {@code "router tuning"}
 * @param done units finished, 0..total
 * @param total units in all; 0 where unknown
 * @param unit what is counted, e.g. {@code "steps"}, {@code "bytes"}
 * @param seconds wall time since the task began
 * @param note what changed last, e.g. {@code "loss 2.31"}; may be empty
 * @param earlier units of {@code done} that an earlier run had finished, for which no time was spent now
 */
public record Progress(String task, long done, long total, String unit, double seconds, String note, long earlier) {
    /** Progress of a task that began at 0. */
    public Progress(String task, long done, long total, String unit, double seconds, String note) {
        this(task, done, total, unit, seconds, note, 0);
    }

    /** The same, continued after units that an earlier run had finished. */
    public Progress withEarlier(long units) {
        return new Progress(task, done, total, unit, seconds, note, units);
    }

    /** Whether this is the task's last word. */
    public boolean isDone() {
        return total > 0 && done >= total;
    }

    /** Seconds still needed at the speed so far; NaN where it cannot be told. */
    public double remainingSeconds() {
        long own = done - earlier;
        return own <= 0 || total <= 0 ? Double.NaN : seconds * (total - done) / own;
    }
}
