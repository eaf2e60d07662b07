package org.skipgpt.vector;

import java.nio.ByteBuffer;

/**
 * What one token's row needs of a CPU: products with matrices read where they lie, sums, and attention over cached keys.
 *
 * <p>Weights of 16 bits and blocks of fewer are widened as they are read; all sums are fp32. Each method works on the part it is given, so that
 * threads can share a product.
 */
public interface RowKernels {
    /** Which activation an MLP has between its products. */
    enum Activation {
        /** x / (1 + exp(-x)). */
        SILU,
        /** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. */
        GELU_TANH
    }

    /** Width of a vector in bits. */
    int bits();

    /** Memory as vectors read it. */
    RowMemory memory(ByteBuffer direct);

    /** A matrix as vectors read it, one row behind the other. */
    default RowMatrix matrix(ByteBuffer direct, int rows, int columns, RowFormat format) {
        return new RowMatrix(memory(direct), rows, columns, format);
    }

    /**
     * Some rows of W x + b.
     *
     * @param x as many numbers as W has columns
     * @param plus b, as many numbers as W has rows; empty for none
     * @param out as many; from..to-1 are written
     */
    void product(RowMatrix w, float[] x, float[] plus, float[] out, int from, int to);

    /**
     * Some of the F numbers act(W_gate x) * W_up x between an MLP's products.
     *
     * @param w (2F, D), the rows of W_gate, then those of W_up
     * @param plus 2F numbers added before the activation; empty for none
     * @param out F; from..to-1 are written
     */
    void gated(RowMatrix w, Activation activation, float[] x, float[] plus, float[] out, int from, int to);

    /** Sum of squares of count numbers. */
    float squares(float[] x, int from, int count);

    /**
     * One head's attention, softmax(cap(scale q k)) v.
     *
     * @param query its E numbers begin at {@code head * width}, and so do those written to out
     * @param width E
     * @param keys fp32; the first seen key's E numbers begin at number {@code first}, the others follow without a gap
     * @param values likewise
     * @param count how many keys are seen, 1 or more
     * @param softcap c of c tanh(s / c) on scores, 0 for none
     * @param scores room for count numbers and 64 more
     */
    void attend(
            float[] query,
            int head,
            int width,
            RowMemory keys,
            RowMemory values,
            int first,
            int count,
            float scale,
            float softcap,
            float[] scores,
            float[] out);

    /** c tanh(x / c) of some numbers, in place. */
    void cap(float[] x, float c, int from, int to);
}
