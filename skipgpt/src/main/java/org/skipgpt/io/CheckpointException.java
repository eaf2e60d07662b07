package org.skipgpt.io;

/** A checkpoint cannot be read or written; the message says what was found, what is allowed and what to do. */
public class CheckpointException extends RuntimeException {
    /** With a message that says what was given, what is allowed and what to do next. */
    public CheckpointException(String message) {
        super(message);
    }

    /** As above, with what went wrong underneath. */
    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
