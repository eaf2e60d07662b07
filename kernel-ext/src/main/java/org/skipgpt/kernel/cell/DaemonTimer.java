package org.skipgpt.kernel.cell;

import java.util.concurrent.ScheduledThreadPoolExecutor;

/** Timers that belong to the kernel. */
public final class DaemonTimer {
    private DaemonTimer() {}

    /**
     * Starts a timer with one daemon thread.
     *
     * <p>The thread starts here and in this thread group: one that started with the first task would belong to the cell
     * that brought the task, and would be stopped with it.
     */
    public static ScheduledThreadPoolExecutor start(String name) {
        ThreadGroup group = Thread.currentThread().getThreadGroup();
        ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(group, task, name);
            thread.setDaemon(true);
            return thread;
        });
        timer.prestartAllCoreThreads();
        return timer;
    }
}
