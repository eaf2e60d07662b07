package org.skipgpt.model;

/**
 * What a family computes otherwise than LLaMA, the same in all layers.
 *
 * <p>Example: {@code Arithmetic.llama(64).withQkNorm()} is that of Qwen3 with heads of 64 numbers.
 *
 * @param qkvBias query, key and value products have a bias (Qwen2)
 * @param qkNorm queries and keys are normed per head (Qwen3)
 * @param postNorm module outputs are normed before they are added (Gemma 2)
 * @param unitOffsetNorm stored norm weights lack 1 (Gemma)
 * @param geluMlp MLP uses tanh-GELU instead of SiLU (Gemma)
 * @param embedScale factor on embeddings, 1 for none (Gemma: sqrt D)
 * @param attentionScale factor on query-key products, usually E^-0.5
 * @param attentionSoftcap cap c of c*tanh(s/c) on attention scores, 0 for none
 * @param headSoftcap the same on logits
 */
public record Arithmetic(
        boolean qkvBias,
        boolean qkNorm,
        boolean postNorm,
        boolean unitOffsetNorm,
        boolean geluMlp,
        double embedScale,
        double attentionScale,
        double attentionSoftcap,
        double headSoftcap) {
    /** LLaMA's, with heads of some width. */
    public static Arithmetic llama(int headDim) {
        return new Arithmetic(false, false, false, false, false, 1, 1 / Math.sqrt(headDim), 0, 0);
    }

    /**
     * Gemma 2's without caps.
     *
     * @param width D, whose square root scales embeddings
     * @param queryScalar query-key products are divided by its square root
     */
    static Arithmetic gemma(int width, double queryScalar) {
        return new Arithmetic(false, false, true, true, true, Math.sqrt(width), 1 / Math.sqrt(queryScalar), 0, 0);
    }

    /** With biases on queries, keys and values. */
    public Arithmetic withQkvBias() {
        return new Arithmetic(
                true,
                qkNorm,
                postNorm,
                unitOffsetNorm,
                geluMlp,
                embedScale,
                attentionScale,
                attentionSoftcap,
                headSoftcap);
    }

    /** With norms of queries and keys. */
    public Arithmetic withQkNorm() {
        return new Arithmetic(
                qkvBias,
                true,
                postNorm,
                unitOffsetNorm,
                geluMlp,
                embedScale,
                attentionScale,
                attentionSoftcap,
                headSoftcap);
    }

    /** With tanh-GELU or SiLU. */
    public Arithmetic withGelu(boolean gelu) {
        return new Arithmetic(
                qkvBias,
                qkNorm,
                postNorm,
                unitOffsetNorm,
                gelu,
                embedScale,
                attentionScale,
                attentionSoftcap,
                headSoftcap);
    }

    /** With another factor on query-key products. */
    Arithmetic withAttentionScale(double scale) {
        return new Arithmetic(
                qkvBias, qkNorm, postNorm, unitOffsetNorm, geluMlp, embedScale, scale, attentionSoftcap, headSoftcap);
    }

    /** With caps on attention scores and on logits. */
    public Arithmetic withCaps(double onScores, double onLogits) {
        return new Arithmetic(
                qkvBias, qkNorm, postNorm, unitOffsetNorm, geluMlp, embedScale, attentionScale, onScores, onLogits);
    }
}
