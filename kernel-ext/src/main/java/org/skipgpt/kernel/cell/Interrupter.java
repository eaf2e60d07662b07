package org.skipgpt.kernel.cell;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import jdk.jshell.spi.ExecutionControl.EngineTerminationException;
import jdk.jshell.spi.ExecutionControl.InternalException;
import org.jspecify.annotations.Nullable;

/**
 * Stops a running execution: first an interrupt, which code may answer in its own way, then a stop.
 *
 * <p>The stop is tied to the execution that was interrupted, so a late one never hits the next cell. A training loop is
 * given longer, so that a cell that tunes keeps what it has learned; a second interrupt ends that patience.
 */
final class Interrupter {
    private static final int STOP_AFTER_MILLIS = 500;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** One cell's run. */
    static final class Execution {
        private volatile boolean isCancelled;
        private volatile String reason = "";
        private long patientUntil; // System.nanoTime, once cancelled

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
    private final ScheduledExecutorService timer = DaemonTimer.start("kernel-interrupter");
    private @Nullable Execution running;

    Interrupter(CellExecutionControl control) {
        this.control = control;
    }

    synchronized Execution begin() {
        Execution execution = new Execution();
        running = execution;
        return execution;
    }

    synchronized void end(Execution execution) {
        if (running == execution) {
            running = null;
        }
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
        execution.patientUntil = System.nanoTime() + (isFirst ? PATIENCE_NANOS : 0);
        execution.reason = reason;
        execution.isCancelled = true;
        control.interruptThreads();
        if (isFirst) {
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
        boolean isPatient = System.nanoTime() - execution.patientUntil < 0 && control.isInPollingLibrary();
        try {
            if (!isPatient) {
                control.stop();
            }
        } catch (EngineTerminationException | InternalException e) {
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.WARNING, "the cell could not be stopped", e);
        }
        stopLater(execution); // code that catches everything gets the stop again
    }

    private void stopLater(Execution execution) {
        Future<?> unused = timer.schedule(() -> stop(execution), STOP_AFTER_MILLIS, TimeUnit.MILLISECONDS);
    }
}
