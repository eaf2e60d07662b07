package org.skipgpt.eval;

/** A task's description or one of its records does not fit. */
public final class TaskException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** With what is wrong and what to do. */
    public TaskException(String message) {
        super(message);
    }

    /** With a cause. */
    public TaskException(String message, Throwable cause) {
        super(message, cause);
    }
}
