package org.skipgpt.train;

/** Where token windows come from; a function of the batch's number, so that a run can be continued anywhere. */
@FunctionalInterface
public interface Batches {
    /**
     * The sequences of one micro-batch.
     *
     * @param number 0 first; step times accumulation plus micro-batch
     * @return token ids, each sequence of at least two
     */
    int[][] batch(long number);
}
