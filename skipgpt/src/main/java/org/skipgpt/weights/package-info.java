/** Weights: read, laid out for the kernels, drawn at random, written. */
@NullMarked
package org.skipgpt.weights;

import org.jspecify.annotations.NullMarked;
