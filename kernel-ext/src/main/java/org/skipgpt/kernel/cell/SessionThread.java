package org.skipgpt.kernel.cell;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The thread that cells run on, the same one for the life of a session: a lock taken in one line can be released in the
 * next, and a {@link ThreadLocal} keeps its value.
 *
 * <p>A thread whose work cannot be ended is given up, and the session goes on with a new one.
 */
final class SessionThread {
    /** Room for deeply nested code, which the compiler walks through by recursion. */
    private static final long STACK_BYTES = 16L << 20;

    /** Work that waits for the thread. */
    private record Job(Callable<?> work, CompletableFuture<Object> done) {}

    /** A thread of the session; at most one is not given up. */
    static final class CellThread extends Thread {
        private volatile boolean isGivenUp;
        private boolean hasLoader;

        private CellThread(ThreadGroup group, Runnable body, String name) {
            super(group, body, name, STACK_BYTES);
            setDaemon(true);
        }

        /** Whether the session went on without this thread. */
        boolean isGivenUp() {
            return isGivenUp;
        }

        // ServiceLoader, and with it DJL's search for engines, asks the context class loader. A cell may set another.
        void useLoader(@Nullable ClassLoader loader) {
            if (!hasLoader) {
                hasLoader = true;
                setContextClassLoader(loader);
            }
        }
    }

    private final ThreadGroup group = new ThreadGroup("cells");
    private final Deque<Job> jobs = new ArrayDeque<>();
    private int started;
    private CellThread thread;
    private @Nullable Job running;

    SessionThread() {
        thread = begin();
    }

    /** Whether the calling thread belongs to a session that has given it up. */
    static boolean isGivenUp(Thread thread) {
        return thread instanceof CellThread cell && cell.isGivenUp();
    }

    /** Whether the caller is this session's thread. */
    synchronized boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    /** The thread that runs cells now. */
    synchronized Thread current() {
        return thread;
    }

    /** Runs work on the thread and waits for it; on the thread itself, runs it at once. */
    <T extends @Nullable Object> T call(Callable<T> work) throws Exception {
        if (isCurrent()) {
            return work.call();
        }
        Job job = new Job(work, new CompletableFuture<>());
        synchronized (this) {
            jobs.add(job);
            notifyAll();
        }
        try {
            @SuppressWarnings("unchecked") // the job's own work made it
            T result = (T) job.done().get();
            return result;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e;
        }
    }

    /** Leaves the running work to itself: who waits for it gets this failure, and what follows has a thread of its own. */
    synchronized void giveUp(Exception failure) {
        Job lost = running;
        if (lost == null) {
            return;
        }
        thread.isGivenUp = true;
        running = null;
        thread = begin();
        lost.done().completeExceptionally(failure);
    }

    private CellThread begin() {
        started++;
        CellThread next = new CellThread(group, this::work, started == 1 ? "cells" : "cells-" + started);
        next.start();
        return next;
    }

    private void work() {
        Job job = next();
        while (job != null) {
            try {
                Object result = job.work().call();
                finished();
                job.done().complete(result);
            } catch (Throwable e) { // the caller's business, whatever it is
                finished();
                job.done().completeExceptionally(e);
            }
            job = next();
        }
    }

    private synchronized void finished() {
        if (!isGivenUp(Thread.currentThread())) {
            running = null;
        }
    }

    private synchronized @Nullable Job next() {
        while (!isGivenUp(Thread.currentThread()) && jobs.isEmpty()) {
            try {
                wait();
            } catch (InterruptedException e) {
                boolean unused = Thread.interrupted(); // it came late; the cell that it was meant for is over
            }
        }
        if (isGivenUp(Thread.currentThread())) {
            return null;
        }
        boolean unused = Thread.interrupted();
        running = jobs.poll();
        return running;
    }
}
