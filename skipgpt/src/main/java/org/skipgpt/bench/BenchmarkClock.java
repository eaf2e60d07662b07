package org.skipgpt.bench;

import java.lang.management.ManagementFactory;

/** What a benchmark counts as time. */
public enum BenchmarkClock {
    /** Time on the wall; means something only where nothing else runs. */
    WALL,
    /**
     * Time the calling thread had a core; nearly blind to other work on the machine. Right only on the CPU and with one
     * engine thread, since what other threads do is not counted.
     */
    THREAD_CPU;

    /** Seconds since some fixed moment. */
    public double seconds() {
        return this == WALL
                ? System.nanoTime() / 1e9
                : ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9;
    }

    @Override
    public String toString() {
        return this == WALL ? "wall time" : "CPU time of one thread";
    }
}
