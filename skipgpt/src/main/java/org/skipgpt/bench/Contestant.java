package org.skipgpt.bench;

/** A program that runs a model, and what it skips. */
public interface Contestant extends AutoCloseable {
    /** What runs, e.g. {@code "llama.cpp b6500"}. */
    String name();

    /** Element type of the matrices in words, e.g. {@code "bf16"}. */
    String dtype();

    /** Threads it computes with. */
    int threads();

    /**
     * Runs a test once.
     *
     * @return seconds
     */
    double seconds(SpeedTest test);

    /** Share of the block parameters that the last run of a test left out, 0..1. */
    default double skipped(SpeedTest test) {
        return 0;
    }

    /** How much faster than dense what was left out could make a test at best; 1 where nothing is. */
    default double ideal(SpeedTest test) {
        return 1;
    }

    /** Ends it. */
    @Override
    void close();
}
