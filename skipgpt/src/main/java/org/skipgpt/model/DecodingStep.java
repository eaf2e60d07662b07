package org.skipgpt.model;

import java.util.Arrays;
import java.util.Locale;

/**
 * Who computes a pass over one new token. {@code -Dskipgpt.decode=engine} leaves all of a process to the engine,
 * {@code -Dskipgpt.decode=java} gives Java all that it can compute, {@code -Dskipgpt.decode=fixed} takes the step for graphs.
 */
public enum DecodingStep {
    /**
     * Who was faster where it was measured: Java's vectors for bf16 weights and blocks, the engine for fp32 ones;
     * {@link LanguageModel#decoding} says which.
     */
    FASTEST,
    /** Java's vectors wherever they serve the model, else the engine. */
    JAVA,
    /** The engine, always. */
    ENGINE,
    /**
     * The engine, by calls of fixed shapes that read no value on the host, which is what a CUDA graph can hold; for sessions of
     * one sequence, others are ENGINE's. Without a graph around it, it is slower than ENGINE.
     */
    FIXED;

    static final String PROPERTY = "skipgpt.decode";

    /**
     * What the process was started with.
     *
     * @throws IllegalArgumentException if the property names none of them
     */
    static DecodingStep ofProcess() {
        String given = System.getProperty(PROPERTY, "fastest");
        return Arrays.stream(values())
                .filter(step -> step.name().toLowerCase(Locale.ROOT).equals(given))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "-D" + PROPERTY + "=" + given + " is not allowed: expected fastest, java, engine or fixed"));
    }
}
