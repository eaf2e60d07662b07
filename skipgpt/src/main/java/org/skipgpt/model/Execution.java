package org.skipgpt.model;

/** How decisions are carried out; all give the same numbers up to rounding. */
public enum Execution {
    /** Every module is computed for every token and multiplied by its gate; needed where routers learn. No speed claim. */
    MASKED,
    /**
     * Only executing tokens are gathered, computed and scattered back: skipped work is not done. Where measurement says
     * that this would lose ({@link PackingCosts}), a module is computed for all tokens.
     */
    PACKED,
    /** As PACKED, but also where it loses; does not depend on measurement, so runs repeat bit for bit. */
    ALWAYS_PACKED
}
