package org.skipgpt.torch;

/** The engine cannot start, or a program does not compile or run; the message says what to do next. */
public final class TorchException extends RuntimeException {
    /** With a message that says what was given, what is allowed and what to do next. */
    public TorchException(String message) {
        super(message);
    }

    /** As above, with what went wrong underneath. */
    public TorchException(String message, Throwable cause) {
        super(message, cause);
    }
}
