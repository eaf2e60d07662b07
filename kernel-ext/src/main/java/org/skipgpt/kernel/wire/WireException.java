package org.skipgpt.kernel.wire;

/** A message that cannot be taken: broken frames, wrong signature, no valid JSON. */
public final class WireException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Says what is wrong with the message. */
    public WireException(String message) {
        super(message);
    }

    /** Says what is wrong with the message, and what showed it. */
    public WireException(String message, Throwable cause) {
        super(message, cause);
    }
}
