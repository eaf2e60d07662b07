package org.skipgpt.shape;

/**
 * What a family computes otherwise than LLaMA, the same in all layers.
 *
 * <p>Example: {@code Arithmetic.llama(64).withQkNorm()} is that of Qwen3 with heads of 64 numbers.
 *
 * @param qkvBias query, key and value products have a bias (Qwen2)
 * @param qkNorm queries and keys are normed, per head (Qwen3) or all heads together
 * @param wideQkNorm the norm of queries and keys is one of all heads together (OLMo 2)
 * @param preNorm module inputs are normed (all but OLMo 2)
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
        boolean wideQkNorm,
        boolean preNorm,
        boolean postNorm,
        boolean unitOffsetNorm,
        boolean geluMlp,
        double embedScale,
        double attentionScale,
        double attentionSoftcap,
        double headSoftcap) {
    /** LLaMA's, with heads of some width. */
    public static Arithmetic llama(int headDim) {
        return new Arithmetic(false, false, false, true, false, false, false, 1, 1 / Math.sqrt(headDim), 0, 0);
    }

    /**
     * Gemma 2's without caps.
     *
     * @param width D, whose square root scales embeddings
     * @param queryScalar query-key products are divided by its square root
     */
    static Arithmetic gemma(int width, double queryScalar) {
        double scale = 1 / Math.sqrt(queryScalar);
        return new Arithmetic(false, false, false, true, true, true, true, Math.sqrt(width), scale, 0, 0);
    }

    /** With biases on queries, keys and values. */
    public Arithmetic withQkvBias() {
        return with(true, qkNorm, geluMlp, attentionScale, attentionSoftcap, headSoftcap);
    }

    /** With norms of queries and keys, head by head. */
    public Arithmetic withQkNorm() {
        return with(qkvBias, true, geluMlp, attentionScale, attentionSoftcap, headSoftcap);
    }

    /** With tanh-GELU or SiLU. */
    public Arithmetic withGelu(boolean gelu) {
        return with(qkvBias, qkNorm, gelu, attentionScale, attentionSoftcap, headSoftcap);
    }

    /** With another factor on query-key products. */
    Arithmetic withAttentionScale(double scale) {
        return with(qkvBias, qkNorm, geluMlp, scale, attentionSoftcap, headSoftcap);
    }

    /** With caps on attention scores and on logits. */
    public Arithmetic withCaps(double onScores, double onLogits) {
        return with(qkvBias, qkNorm, geluMlp, attentionScale, onScores, onLogits);
    }

    /** With norms of module outputs in place of those of inputs, and one of all queries, one of all keys together. */
    Arithmetic withNormsBehind() {
        return new Arithmetic(
                qkvBias,
                true,
                true,
                false,
                true,
                unitOffsetNorm,
                geluMlp,
                embedScale,
                attentionScale,
                attentionSoftcap,
                headSoftcap);
    }

    private Arithmetic with(
            boolean bias, boolean headNorm, boolean gelu, double scale, double onScores, double onLogits) {
        return new Arithmetic(
                bias,
                headNorm,
                wideQkNorm,
                preNorm,
                postNorm,
                unitOffsetNorm,
                gelu,
                embedScale,
                scale,
                onScores,
                onLogits);
    }
}
