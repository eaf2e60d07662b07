package org.skipgpt.report;

import java.util.Optional;

/**
 * A result that shows itself: as text everywhere, as a picture or html where the front end can.
 *
 * <p>{@link #text()} has at most 25 lines of 100 columns, no trailing newline, units included.
 */
public interface Report {
    /** The result as aligned plain text. */
    String text();

    /** The result as a self-contained html fragment; no scripts, no outside resources. */
    default Optional<String> html() {
        return Optional.empty();
    }

    /** The result as a PNG picture. */
    default Optional<byte[]> png() {
        return Optional.empty();
    }

    /** The result as an SVG picture. */
    default Optional<String> svg() {
        return Optional.empty();
    }
}
