package org.skipgpt.model;

import java.util.Locale;

/** Why a continuation ended. */
public enum StopReason {
    /** As many new tokens as asked for. */
    MAX_TOKENS,
    /** The end-of-text token. */
    END_OF_TEXT,
    /** A stop text. */
    STOP_TEXT,
    /** Prompt and continuation fill the context. */
    CONTEXT_FULL,
    /** The thread was interrupted. */
    INTERRUPTED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
