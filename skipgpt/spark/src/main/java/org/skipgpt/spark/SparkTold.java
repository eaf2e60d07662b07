package org.skipgpt.spark;

import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/** How far a job is, told on the thread that waits for it. */
final class SparkTold {
    private final long start = System.nanoTime();
    private final String task;
    private final int total;
    private final int earlier;
    private final String unit;
    private final ProgressObserver observer;
    private int done;

    SparkTold(String task, int total, int earlier, String unit, ProgressObserver observer) {
        this.task = task;
        this.total = total;
        this.earlier = earlier;
        this.unit = unit;
        this.observer = observer;
        this.done = earlier;
    }

    void done(String note) {
        done++;
        note(note);
    }

    void note(String note) {
        double seconds = (System.nanoTime() - start) / 1e9;
        observer.progress(new Progress(task, done, total, unit, seconds, note).withEarlier(earlier));
    }
}
