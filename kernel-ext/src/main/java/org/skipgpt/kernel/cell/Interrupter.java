package org.skipgpt.kernel.cell;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import jdk.jshell.spi.ExecutionControl.EngineTerminationException;
import jdk.jshell.spi.ExecutionControl.InternalException;
import org.jspecify.annotations.Nullable;

/**
 * Stops a running execution: first an interrupt, which code may answer in its own way, then a stop, and at last it leaves
 * the execution to itself.
 *
 * <p>The stop is tied to the execution that was interrupted, so a late one never hits the next cell. A training loop is
 * given longer, so that a cell that tunes keeps what it has learned; a second interrupt ends that patience, and a second
 * one to any other code that does not end gives its thread up.
 */
final class Interrupter {
    private static final int STOP_AFTER_MILLIS = 500;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long GIVE_UP_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long TELL_NANOS = TimeUnit.SECONDS.toNanos(3);

    /** What to do about an execution that neither an interrupt nor a stop has ended. */
    interface Stubborn {
        /** Says so, while there is still hope. */
        void tell(long secondsLeft);

        /** Goes on without it. */
        void giveUp(Execution execution);
    }

    /** One cell's run. */
    static final class Execution {
        private volatile boolean isCancelled;
        private volatile String reason = "";
        private long firstInterrupt; // System.nanoTime, once cancelled
        private long patientUntil;
        private boolean isTold;

        /** Whether someone asked this execution to end. */
        boolean isCancelled() {
            return isCancelled;
        }

        /** Why it is to end. */
        String reason() {
            return reason;
        }
    }

    private final CellExecutionControl control;
    private final Stubborn stubborn;
    private final ScheduledExecutorService timer = DaemonTimer.start("kernel-interrupter");
    private @Nullable Execution running;

    Interrupter(CellExecutionControl control, Stubborn stubborn) {
        this.control = control;
        this.stubborn = stubborn;
    }

    synchronized Execution begin() {
        Execution execution = new Execution();
        running = execution;
        return execution;
    }

    /** An execution has ended; false where it had been given up before. */
    synchronized boolean end(Execution execution) {
        if (running != execution) {
            return false;
        }
        running = null;
        return true;
    }

    /** The execution that runs now. */
    synchronized @Nullable Execution running() {
        return running;
    }

    /** Asks the running execution to end; does nothing where none runs. */
    synchronized void interrupt(String reason) {
        Execution execution = running;
        if (execution == null) {
            return;
        }
        boolean isFirst = !execution.isCancelled;
        long now = System.nanoTime();
        if (!isFirst && now - execution.firstInterrupt > TELL_NANOS && !control.isInPollingLibrary()) {
            giveUp(execution);
            return;
        }
        execution.patientUntil = now + (isFirst ? PATIENCE_NANOS : 0);
        execution.reason = reason;
        execution.isCancelled = true;
        control.interruptThreads();
        if (isFirst) {
            execution.firstInterrupt = now;
            stopLater(execution);
        }
    }

    /** Interrupts after a while, where the execution still runs then. */
    void interruptLater(Execution execution, long millis, String reason) {
        Future<?> unused = timer.schedule(
                () -> {
                    synchronized (this) {
                        if (running == execution) {
                            interrupt(reason);
                        }
                    }
                },
                millis,
                TimeUnit.MILLISECONDS);
    }

    private synchronized void stop(Execution execution) {
        if (running != execution) {
            return;
        }
        long now = System.nanoTime();
        boolean isPatient = now - execution.patientUntil < 0 && control.isInPollingLibrary();
        long waited = now - execution.firstInterrupt;
        if (!isPatient && waited > GIVE_UP_NANOS) {
            giveUp(execution);
            return;
        }
        try {
            if (!isPatient) {
                control.stop();
            }
        } catch (EngineTerminationException | InternalException e) {
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.WARNING, "the cell could not be stopped", e);
        }
        if (!isPatient && !execution.isTold && waited > TELL_NANOS) {
            execution.isTold = true;
            stubborn.tell(TimeUnit.NANOSECONDS.toSeconds(GIVE_UP_NANOS - waited) + 1);
        }
        stopLater(execution); // code that catches everything gets the stop again
    }

    private void giveUp(Execution execution) {
        running = null;
        stubborn.giveUp(execution);
    }

    private void stopLater(Execution execution) {
        Future<?> unused = timer.schedule(() -> stop(execution), STOP_AFTER_MILLIS, TimeUnit.MILLISECONDS);
    }
}
