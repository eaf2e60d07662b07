package org.skipgpt.eval;

/**
 * Every choice that changes a perplexity.
 *
 * @param window tokens of one window; 0 for the model's context
 * @param joiner what stands between two rows
 * @param keepsLineEnds whether a row that is not blank keeps its line end, as the WikiText rows of Hugging Face do
 * @param bos where the beginning mark stands
 */
public record PerplexityOptions(int window, String joiner, boolean keepsLineEnds, Bos bos) {
    /** Where the beginning mark stands. */
    public enum Bos {
        /** Before the text where the tokenizer's family has that habit, once (the papers' way). */
        TEXT,
        /** Before every window, taking one place of it. */
        WINDOW,
        /** Nowhere. */
        NEVER
    }

    /** Checks the window. */
    public PerplexityOptions {
        if (window < 0 || window == 1) {
            throw new IllegalArgumentException(
                    "a window of " + window + " tokens is not allowed: expected 0 or 2 and more");
        }
    }

    /** WikiText-2 as pruning papers report it: raw text, rows joined by two line ends, 2048 tokens, mark once. */
    public static PerplexityOptions wikitext2() {
        return new PerplexityOptions(2048, "\n\n", true, Bos.TEXT);
    }

    /** Penn Treebank as GPTQ and LLM-Pruner read it: validation sentences joined by two line ends, 2048 tokens. */
    public static PerplexityOptions ptb() {
        return new PerplexityOptions(2048, "\n\n", false, Bos.TEXT);
    }

    /**
     * The habit of a text by its name.
     *
     * @param text {@code wikitext2} or {@code ptb}
     */
    public static PerplexityOptions named(String text) {
        return switch (text) {
            case "wikitext2" -> wikitext2();
            case "ptb" -> ptb();
            default ->
                throw new IllegalArgumentException("text \"" + text + "\" is not known: use one of " + Tasks.TEXTS);
        };
    }

    /** With another window. */
    public PerplexityOptions withWindow(int tokens) {
        return new PerplexityOptions(tokens, joiner, keepsLineEnds, bos);
    }

    /** With another place of the beginning mark. */
    public PerplexityOptions withBos(Bos other) {
        return new PerplexityOptions(window, joiner, keepsLineEnds, other);
    }
}
