package org.skipgpt.kernel;

import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.DaemonTimer;

/**
 * Shows the exceptions that no cell throws: those that end another thread, and those that a future keeps to itself.
 *
 * <p>A handler of the user's own, for one thread or for all, takes precedence, as in every Java program.
 */
final class LostExceptions implements Thread.UncaughtExceptionHandler {
    private static final long ASKED_WITHIN_MILLIS = 500;

    private final CellEngine engine;
    private final ScheduledExecutorService timer = DaemonTimer.start("kernel-futures");
    private final Set<Throwable> shown = Collections.newSetFromMap(Collections.synchronizedMap(new WeakHashMap<>()));

    LostExceptions(CellEngine engine) {
        this.engine = engine;
    }

    @Override
    public void uncaughtException(Thread thread, Throwable thrown) {
        print("Exception in thread \"" + thread.getName() + "\" ", thrown);
    }

    /** An exception that a cell has shown; a future that holds it has nothing to add. */
    void shown(@Nullable Throwable thrown) {
        for (Throwable next = thrown; next != null && shown.add(next); ) {
            next = next.getCause();
        }
    }

    /** A value that a cell made; where it is a future that fails, and nobody asks it, that is shown. */
    void watch(@Nullable Object value) {
        if (value instanceof CompletableFuture<?> future) {
            CompletableFuture<?> unusedStage = future.whenComplete((result, thrown) -> {
                if (thrown != null && !(thrown instanceof CancellationException)) {
                    Future<?> unused =
                            timer.schedule(() -> unasked(thrown), ASKED_WITHIN_MILLIS, TimeUnit.MILLISECONDS);
                }
            });
        }
    }

    private void unasked(Throwable thrown) {
        Throwable cause =
                thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        if (!shown.contains(cause)) {
            print("A CompletableFuture of a cell ended with ", cause);
        }
    }

    private void print(String before, Throwable thrown) {
        shown(thrown);
        System.err.println(String.join("\n", engine.trace(before, thrown)));
    }
}
