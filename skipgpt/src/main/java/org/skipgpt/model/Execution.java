package org.skipgpt.model;

/** How decisions are carried out; both give the same numbers. */
public enum Execution {
    /** Every module is computed for every token and multiplied by its gate; needed where routers learn. No speed claim. */
    MASKED,
    /** Only executing tokens are gathered, computed and scattered back: skipped work is not done. */
    PACKED
}
