package org.skipgpt.kernel;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.skipgpt.kernel.cell.CellFailure;

/** A cell that has arrived and does not run yet, because the kernel still starts: it can be interrupted all the same. */
final class PendingCell {
    private CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    private boolean isPending;

    /** A cell waits from here on, until something is done or it is interrupted. */
    void await(CompletableFuture<?> start) throws CellFailure {
        CompletableFuture<Boolean> mine;
        synchronized (this) {
            interrupted = new CompletableFuture<>();
            isPending = true;
            mine = interrupted;
        }
        CompletableFuture.anyOf(start, mine).join();
        if (!start.isDone()) {
            begin();
        }
    }

    /** Interrupts the cell that waits, where one does. */
    synchronized void interrupt() {
        if (isPending) {
            interrupted.complete(true);
        }
    }

    /** Ends the waiting, as the cell begins to run. */
    synchronized void begin() throws CellFailure {
        boolean was = isPending && interrupted.isDone();
        isPending = false;
        if (was) {
            throw new CellFailure("Interrupted", "before the cell began", List.of("Interrupted before the cell began"));
        }
    }
}
