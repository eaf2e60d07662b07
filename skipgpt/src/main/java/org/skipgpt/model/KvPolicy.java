package org.skipgpt.model;

/**
 * Which keys and values exist for a token that skips an attention module; part of a checkpoint's identity.
 *
 * <p>Paper: every token's (KEEP). Evaluating a KEEP-tuned model under EXECUTED is another function.
 */
public enum KvPolicy {
    /** Keys and values of every token at every layer; the paper's training semantics. */
    KEEP,
    /** The same values, computed only when some later token attends at that layer. */
    DEFERRED,
    /** None for skipped tokens (D-LLM's eviction); must be tuned with it. */
    EXECUTED;

    /** Whether two policies compute the same function. */
    public boolean sameValuesAs(KvPolicy other) {
        return this == other || (this != EXECUTED && other != EXECUTED);
    }
}
