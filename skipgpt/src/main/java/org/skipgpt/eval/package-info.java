/** Benchmarks by log-likelihood, perplexity, and tables that compare models. */
@NullMarked
package org.skipgpt.eval;

import org.jspecify.annotations.NullMarked;
