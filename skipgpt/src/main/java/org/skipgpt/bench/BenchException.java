package org.skipgpt.bench;

/** Another program could not be timed. */
public final class BenchException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** With what happened and what to do. */
    public BenchException(String message) {
        super(message);
    }

    /** The same, with its cause. */
    public BenchException(String message, Throwable cause) {
        super(message, cause);
    }
}
