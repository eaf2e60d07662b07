package org.skipgpt.data;

/** A tokenizer, a text or a data set cannot be used; the message says what was found, what is allowed, what to do. */
public final class DataException extends RuntimeException {
    /** With a message that says what was given, what is allowed and what to do next. */
    public DataException(String message) {
        super(message);
    }

    /** As above, with what went wrong underneath. */
    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
