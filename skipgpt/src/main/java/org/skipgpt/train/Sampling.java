package org.skipgpt.train;

/** How frozen routers decide while an adapter learns. */
public enum Sampling {
    /** The more likely decision, as the paper has it and as inference does. */
    ARGMAX,
    /** A draw with Gumbel noise at temperature 1, as the authors' code has it. */
    GUMBEL
}
