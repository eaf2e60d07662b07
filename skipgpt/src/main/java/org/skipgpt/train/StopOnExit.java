package org.skipgpt.train;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a run before its process ends: when the JVM is asked to stop, the working thread is interrupted and waited for.
 *
 * <p>libtorch's own end of life runs after the JVM's hooks; a thread that still computes then crashes the process. So
 * the run saves its state first, and its thread does not go on afterwards.
 */
final class StopOnExit implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StopOnExit.class);
    private static final long LONGEST_SECONDS = 120;

    private final Thread worker = Thread.currentThread();
    private final CountDownLatch saved = new CountDownLatch(1);
    private final Thread hook = new Thread(this::stop, "stop training");

    /** Guards what the calling thread does until this is closed. */
    StopOnExit() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void stop() {
        worker.interrupt();
        try {
            boolean waitsForUs = Arrays.stream(worker.getStackTrace())
                    .anyMatch(frame -> frame.getClassName().equals("java.lang.Shutdown"));
            if (!waitsForUs && !saved.await(LONGEST_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("the run did not stop within {} seconds; its last checkpoint stays", LONGEST_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
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
