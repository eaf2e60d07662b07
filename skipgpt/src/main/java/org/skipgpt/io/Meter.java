package org.skipgpt.io;

import java.util.concurrent.CancellationException;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/** Counts bytes, tells the observer and stops when the thread is interrupted. */
final class Meter {
    private final String task;
    private final long total;
    private final ProgressObserver observer;
    private final long start = System.nanoTime();
    private final long earlier;
    private long done;

    Meter(String task, long total, ProgressObserver observer) {
        this(task, 0, total, observer);
    }

    /** Goes on after bytes that an earlier attempt had moved. */
    Meter(String task, long earlier, long total, ProgressObserver observer) {
        this.task = task;
        this.earlier = earlier;
        this.done = earlier;
        this.total = total;
        this.observer = observer;
    }

    void add(long bytes) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("Stopped by an interruption while " + task + ".");
        }
        done += bytes;
        double seconds = (System.nanoTime() - start) * 1e-9;
        observer.progress(new Progress(task, done, total, "bytes", seconds, "").withEarlier(earlier));
    }
}
