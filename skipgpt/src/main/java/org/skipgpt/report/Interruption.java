package org.skipgpt.report;

import java.util.concurrent.CancellationException;

/** Stops long work when its thread is interrupted. */
public final class Interruption {
    private Interruption() {}

    /**
     * Returns while the thread may go on.
     *
     * @throws CancellationException if the thread was interrupted; the interrupt flag stays set
     */
    public static void check() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted");
        }
    }
}
