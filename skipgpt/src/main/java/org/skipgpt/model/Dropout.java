package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import org.skipgpt.shape.Projection;

/** Dropout masks before the low-rank factors, passed in so that a layer computed twice sees the same draw. */
public interface Dropout {
    /**
     * The mask of one projection.
     *
     * @param layer 0..layers-1
     * @param projection which matrix
     * @param like an array whose device and owner the mask takes
     * @param rows rows of its input
     * @param inputs width of its input
     * @return (rows, inputs), true for what is left out; empty for none
     */
    NDArray mask(int layer, Projection projection, NDArray like, long rows, long inputs);

    /** What makes up for what is left out: 1 / (1 - p). */
    double scale();
}
