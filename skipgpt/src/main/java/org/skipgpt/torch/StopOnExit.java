package org.skipgpt.torch;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends long work before its process ends: when the JVM is asked to stop, the working thread is interrupted and waited for.
 *
 * <p>libtorch's own end of life runs after the JVM's hooks; a thread that still computes then crashes the process. So
 * the work saves what it has first, and its thread does not go on afterwards. Where guarded work does other guarded work, only
 * the outer guard acts, for it is the one that saves last.
 *
 * <pre>{@code
 * try (var guard = new StopOnExit()) {
 *     while (!Thread.currentThread().isInterrupted()) step();
 *     save();
 * }
 * }</pre>
 */
public final class StopOnExit implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StopOnExit.class);
    private static final long LONGEST_SECONDS = 120;

    private static final ThreadLocal<Boolean> GUARDED = ThreadLocal.withInitial(() -> false);

    private final boolean outer = !GUARDED.get();
    private final Thread worker = Thread.currentThread();
    private final CountDownLatch saved = new CountDownLatch(1);
    private final Thread hook = new Thread(this::stop, "stop work");

    /** Guards what the calling thread does until this is closed. */
    public StopOnExit() {
        if (!outer) {
            return;
        }
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException ending) {
            worker.interrupt();
            return;
        }
        GUARDED.set(true);
    }

    private void stop() {
        worker.interrupt();
        try {
            boolean waitsForUs = Arrays.stream(worker.getStackTrace())
                    .anyMatch(frame -> frame.getClassName().equals("java.lang.Shutdown"));
            if (!waitsForUs && !saved.await(LONGEST_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn(
                        "{} did not stop within {} seconds; what it saved last stays",
                        worker.getName(),
                        LONGEST_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        if (!outer) {
            return;
        }
        GUARDED.set(false);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            saved.countDown();
            while (true) {
                LockSupport.park(this);
            }
        }
    }
}
