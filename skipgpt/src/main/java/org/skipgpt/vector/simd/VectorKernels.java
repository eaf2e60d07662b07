package org.skipgpt.vector.simd;

import java.nio.ByteBuffer;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.RowMatrix;
import org.skipgpt.vector.RowMemory;

/** {@link RowKernels} in the widest vectors that the processor has; four sums a row hide how long an addition takes. */
public final class VectorKernels implements RowKernels {
    private static final VectorSpecies<Float> F = VectorLoads.FLOATS;
    private static final int L = F.length();
    private static final IntVector UPPER = IntVector.broadcast(VectorLoads.INTEGERS, 16);

    /** Made by name, see {@link org.skipgpt.vector.Vectors}. */
    public VectorKernels() {}

    @Override
    public int bits() {
        return F.vectorBitSize();
    }

    @Override
    public RowMemory memory(ByteBuffer direct) {
        return VectorLoads.memory(direct);
    }

    @Override
    public void product(RowMatrix w, float[] x, float[] plus, float[] out, int from, int to) {
        dots(w, taken(w, x), from, to, out, from);
        for (int row = from; row < to && plus.length > 0; row++) {
            out[row] += plus[row];
        }
    }

    /** x as a matrix's rows take it. */
    private static float[] taken(RowMatrix w, float[] x) {
        return switch (w.format()) {
            case FP32 -> x;
            case BF16 -> apart(x, w.columns());
            case Q8_0, Q4_0, Q4_1 -> BlockDots.ordered(w.format(), x, w.columns());
        };
    }

    // One loop a format: where several are compiled as one piece, the compiler gives up on some of their vectors.
    private static void dots(RowMatrix w, float[] x, int from, int to, float[] out, int at) {
        switch (w.format()) {
            case FP32 -> floatDots(w, from, to, x, out, at);
            case BF16 -> halfDots(w, from, to, x, out, at);
            case Q8_0 -> BlockDots.eightBits(w, from, to, x, out, at);
            case Q4_0 -> BlockDots.fourBits(w, from, to, x, out, at);
            case Q4_1 -> BlockDots.fourBitsFromLeast(w, from, to, x, out, at);
        }
    }

    private static void floatDots(RowMatrix w, int from, int to, float[] x, float[] out, int at) {
        for (int row = from; row < to; row++) {
            out[at + row - from] = dot(w.memory(), row * w.columns(), x, 0, w.columns());
        }
    }

    private static void halfDots(RowMatrix w, int from, int to, float[] x, float[] out, int at) {
        for (int row = from; row < to; row++) {
            out[at + row - from] = halfDot(w, row, x);
        }
    }

    @Override
    public void gated(RowMatrix w, Activation activation, float[] x, float[] plus, float[] out, int from, int to) {
        int hidden = w.rows() / 2;
        float[] taken = taken(w, x);
        float[] up = new float[to - from];
        dots(w, taken, from, to, out, from);
        dots(w, taken, hidden + from, hidden + to, up, 0);
        for (int row = from; row < to && plus.length > 0; row++) {
            out[row] += plus[row];
            up[row - from] += plus[hidden + row];
        }
        int i = from;
        for (; i + L <= to; i += L) {
            FloatVector gate = FloatVector.fromArray(F, out, i);
            FloatVector act = activation == Activation.SILU ? silu(gate) : gelu(gate);
            act.mul(FloatVector.fromArray(F, up, i - from)).intoArray(out, i);
        }
        for (; i < to; i++) {
            out[i] = (float) (activation == Activation.SILU ? silu(out[i]) : gelu(out[i])) * up[i - from];
        }
    }

    private static FloatVector silu(FloatVector x) {
        return x.div(x.neg().lanewise(VectorOperators.EXP).add(1f));
    }

    private static double silu(double x) {
        return x / (1 + Math.exp(-x));
    }

    private static FloatVector gelu(FloatVector x) {
        FloatVector inner = x.mul(x).mul(0.044715f).add(1f).mul(x).mul((float) Math.sqrt(2 / Math.PI));
        return inner.lanewise(VectorOperators.TANH).add(1f).mul(x).mul(0.5f);
    }

    private static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    @Override
    public float squares(float[] x, int from, int count) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        int i = from;
        int end = from + count;
        for (; i + 2 * L <= end; i += 2 * L) {
            FloatVector u = FloatVector.fromArray(F, x, i);
            FloatVector v = FloatVector.fromArray(F, x, i + L);
            a = u.fma(u, a);
            b = v.fma(v, b);
        }
        float sum = a.add(b).reduceLanes(VectorOperators.ADD);
        for (; i < end; i++) {
            sum += x[i] * x[i];
        }
        return sum;
    }

    @Override
    public void attend(
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
            float[] out) {
        int at = head * width;
        for (int key = 0; key < count; key++) {
            scores[key] = scale * dot(keys, first + key * width, query, at, width);
        }
        if (softcap > 0) {
            cap(scores, softcap, 0, count);
        }
        float sum = exponentials(scores, count);
        int i = 0;
        for (; i + L <= width; i += L) {
            FloatVector y = FloatVector.zero(F);
            for (int key = 0; key < count; key++) {
                int number = first + key * width + i;
                y = VectorLoads.floats(values.view(), Float.BYTES * number)
                        .fma(FloatVector.broadcast(F, scores[key]), y);
            }
            y.div(sum).intoArray(out, at + i);
        }
        for (; i < width; i++) {
            float y = 0;
            for (int key = 0; key < count; key++) {
                y += scores[key] * values.bytes().getFloat(Float.BYTES * (first + key * width + i));
            }
            out[at + i] = y / sum;
        }
    }

    /** Scores become exp(score - largest); their sum. */
    private static float exponentials(float[] scores, int count) {
        int whole = (count + L - 1) / L * L;
        Arrays.fill(scores, count, whole, Float.NEGATIVE_INFINITY);
        FloatVector most = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += L) {
            most = most.max(FloatVector.fromArray(F, scores, i));
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < whole; i += L) {
            FloatVector e = FloatVector.fromArray(F, scores, i).sub(largest).lanewise(VectorOperators.EXP);
            e.intoArray(scores, i);
            sum = sum.add(e);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    @Override
    public void cap(float[] x, float c, int from, int to) {
        int i = from;
        for (; i + L <= to; i += L) {
            FloatVector.fromArray(F, x, i)
                    .div(c)
                    .lanewise(VectorOperators.TANH)
                    .mul(c)
                    .intoArray(x, i);
        }
        for (; i < to; i++) {
            x[i] = (float) (c * Math.tanh(x[i] / c));
        }
    }

    /** Fp32 numbers from number {@code first} on, times x from {@code at} on. */
    private static float dot(RowMemory memory, int first, float[] x, int at, int count) {
        Object view = memory.view();
        int base = Float.BYTES * first;
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int i = 0;
        for (; i + 4 * L <= count; i += 4 * L) {
            int byteAt = base + Float.BYTES * i;
            a = VectorLoads.floats(view, byteAt).fma(FloatVector.fromArray(F, x, at + i), a);
            b = VectorLoads.floats(view, byteAt + Float.BYTES * L).fma(FloatVector.fromArray(F, x, at + i + L), b);
            c = VectorLoads.floats(view, byteAt + Float.BYTES * 2 * L)
                    .fma(FloatVector.fromArray(F, x, at + i + 2 * L), c);
            d = VectorLoads.floats(view, byteAt + Float.BYTES * 3 * L)
                    .fma(FloatVector.fromArray(F, x, at + i + 3 * L), d);
        }
        for (; i + L <= count; i += L) {
            a = VectorLoads.floats(view, base + Float.BYTES * i).fma(FloatVector.fromArray(F, x, at + i), a);
        }
        float sum = a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
        for (; i < count; i++) {
            sum += memory.bytes().getFloat(base + Float.BYTES * i) * x[at + i];
        }
        return sum;
    }

    /** x in the order in which bf16 rows take it: of every 2L numbers those at even places, then the others. */
    private static float[] apart(float[] x, int columns) {
        float[] out = new float[columns];
        int whole = columns / (2 * L) * 2 * L;
        for (int chunk = 0; chunk < whole; chunk += 2 * L) {
            for (int i = 0; i < L; i++) {
                out[chunk + i] = x[chunk + 2 * i];
                out[chunk + L + i] = x[chunk + 2 * i + 1];
            }
        }
        System.arraycopy(x, whole, out, whole, columns - whole);
        return out;
    }

    /** A row of bf16 numbers times x as {@link #apart} has it: a word is two neighbours, and each is the upper half of an fp32 one. */
    private static float halfDot(RowMatrix w, int row, float[] x) {
        Object view = w.memory().view();
        int count = w.columns();
        int base = Short.BYTES * row * count;
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int i = 0;
        for (; i + 4 * L <= count; i += 4 * L) {
            IntVector first = VectorLoads.wideWords(view, base + Short.BYTES * i);
            IntVector second = VectorLoads.wideWords(view, base + Short.BYTES * (i + 2 * L));
            a = lower(first).fma(FloatVector.fromArray(F, x, i), a);
            b = upper(first).fma(FloatVector.fromArray(F, x, i + L), b);
            c = lower(second).fma(FloatVector.fromArray(F, x, i + 2 * L), c);
            d = upper(second).fma(FloatVector.fromArray(F, x, i + 3 * L), d);
        }
        if (i + 2 * L <= count) {
            IntVector words = VectorLoads.wideWords(view, base + Short.BYTES * i);
            a = lower(words).fma(FloatVector.fromArray(F, x, i), a);
            b = upper(words).fma(FloatVector.fromArray(F, x, i + L), b);
            i += 2 * L;
        }
        float sum = a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
        for (; i < count; i++) {
            sum += Float.intBitsToFloat(w.memory().bytes().getShort(base + Short.BYTES * i) << 16) * x[i];
        }
        return sum;
    }

    private static FloatVector lower(IntVector words) {
        return words.lanewise(VectorOperators.LSHL, UPPER).reinterpretAsFloats();
    }

    private static FloatVector upper(IntVector words) {
        return words.and(0xFFFF0000).reinterpretAsFloats();
    }
}
