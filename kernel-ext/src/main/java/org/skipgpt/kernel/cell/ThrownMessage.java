package org.skipgpt.kernel.cell;

import java.util.Objects;

/** What an exception says of itself. Its methods may be a cell's, and throw; that must not hide it. */
public final class ThrownMessage {
    private ThrownMessage() {}

    /** The message; empty where there is none. */
    public static String of(Throwable thrown) {
        try {
            return Objects.requireNonNullElse(thrown.getLocalizedMessage(), "");
        } catch (RuntimeException | Error e) {
            return "its message cannot be read, which throws " + e.getClass().getName();
        }
    }
}
