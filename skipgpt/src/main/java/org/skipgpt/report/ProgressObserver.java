package org.skipgpt.report;

/**
 * Where long work reports to; a front end shows it as a bar, as moving curves or as plain lines.
 *
 * <p>Work calls it as often as it likes: throttling is the observer's job. It is called on the working thread.
 */
@FunctionalInterface
public interface ProgressObserver {
    /** Takes the newest state of a task. */
    void progress(Progress progress);

    /** Takes a picture that replaces the one last shown under the same key. */
    default void figure(String key, Report figure) {}

    /** Whether the observer wants a figure now; drawing costs more than a step, so ask first. */
    default boolean wantsFigure(String key) {
        return false;
    }

    /** Shows nothing. */
    static ProgressObserver silent() {
        return progress -> {};
    }
}
