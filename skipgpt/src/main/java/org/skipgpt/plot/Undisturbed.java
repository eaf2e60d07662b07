package org.skipgpt.plot;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * Work that an interrupt of its caller neither disturbs nor loses.
 *
 * <p>AWT swallows an interrupt that comes while it draws, and one that came before ends some of its waits early. So a thread
 * of its own draws, and the caller, who only waits, is interrupted again when the work is whole. The thread stands outside
 * of the caller's group: a notebook's kernel interrupts and stops the groups of cells.
 */
final class Undisturbed {
    private Undisturbed() {}

    /** Does the work and returns its result; afterwards the caller is interrupted where it was, or has been meanwhile. */
    static <T> T get(Supplier<T> work) {
        FutureTask<T> task = new FutureTask<>(work::get);
        Thread thread = new Thread(outermostGroup(), task, "skipgpt-drawing");
        thread.setDaemon(true);
        thread.setContextClassLoader(Undisturbed.class.getClassLoader());
        thread.start();
        boolean isInterrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    isInterrupted = true; // told afterwards
                }
            }
        } catch (ExecutionException e) {
            throw asThrown(e);
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static ThreadGroup outermostGroup() {
        ThreadGroup group = Thread.currentThread().getThreadGroup();
        while (group.getParent() != null) {
            group = group.getParent();
        }
        return group;
    }

    private static RuntimeException asThrown(ExecutionException e) {
        if (e.getCause() instanceof RuntimeException exception) {
            return exception;
        }
        if (e.getCause() instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a picture could not be drawn", e);
    }
}
