package org.skipgpt.model;

import java.util.Arrays;
import java.util.Locale;

/** Who computes a pass over one new token. {@code -Dskipgpt.decode=engine} leaves all of a process to the engine. */
public enum DecodingStep {
    /** Java's vectors where they serve the model, else the engine; {@link LanguageModel#decoding} says which. */
    FASTEST,
    /** The engine, always. */
    ENGINE;

    static final String PROPERTY = "skipgpt.decode";

    /**
     * What the process was started with.
     *
     * @throws IllegalArgumentException if the property names neither
     */
    static DecodingStep ofProcess() {
        String given = System.getProperty(PROPERTY, "fastest");
        return Arrays.stream(values())
                .filter(step -> step.name().toLowerCase(Locale.ROOT).equals(given))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "-D" + PROPERTY + "=" + given + " is not allowed: expected fastest or engine"));
    }
}
