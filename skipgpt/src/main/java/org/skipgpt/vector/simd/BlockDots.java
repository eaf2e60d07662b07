package org.skipgpt.vector.simd;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.skipgpt.vector.RowFormat;
import org.skipgpt.vector.RowMatrix;

/**
 * A row of blocks times x, see {@link RowFormat}: integers are widened in registers, and a block's sum takes its scale once.
 *
 * <p>Two blocks' sums run side by side, which hides how long an addition takes.
 */
final class BlockDots {
    private static final VectorSpecies<Float> F = VectorLoads.FLOATS;
    private static final int L = F.length();
    private static final int NUMBERS = 32;
    private static final int HALF = NUMBERS / 2;

    private BlockDots() {}

    static float eightBits(RowMatrix w, int row, float[] x) {
        Object view = w.memory().view();
        ByteBuffer bytes = w.memory().bytes();
        int size = w.format().blockBytes();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * NUMBERS <= w.columns(); i += 2 * NUMBERS, at += 2 * size) {
            a = eight(view, at + Short.BYTES, x, i).fma(scale(bytes, at), a);
            b = eight(view, at + size + Short.BYTES, x, i + NUMBERS).fma(scale(bytes, at + size), b);
        }
        if (i < w.columns()) {
            a = eight(view, at + Short.BYTES, x, i).fma(scale(bytes, at), a);
        }
        return a.add(b).reduceLanes(VectorOperators.ADD);
    }

    private static FloatVector eight(Object view, int at, float[] x, int i) {
        FloatVector sum = floats(VectorLoads.bytes(view, at)).mul(FloatVector.fromArray(F, x, i));
        for (int k = L; k < NUMBERS; k += L) {
            sum = floats(VectorLoads.bytes(view, at + k)).fma(FloatVector.fromArray(F, x, i + k), sum);
        }
        return sum;
    }

    static float fourBits(RowMatrix w, int row, float[] x) {
        Object view = w.memory().view();
        ByteBuffer bytes = w.memory().bytes();
        int size = w.format().blockBytes();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        int i = 0;
        for (; i + 2 * NUMBERS <= w.columns(); i += 2 * NUMBERS, at += 2 * size) {
            a = four(view, at + Short.BYTES, 8, x, i).fma(scale(bytes, at), a);
            b = four(view, at + size + Short.BYTES, 8, x, i + NUMBERS).fma(scale(bytes, at + size), b);
        }
        if (i < w.columns()) {
            a = four(view, at + Short.BYTES, 8, x, i).fma(scale(bytes, at), a);
        }
        return a.add(b).reduceLanes(VectorOperators.ADD);
    }

    static float fourBitsFromLeast(RowMatrix w, int row, float[] x) {
        Object view = w.memory().view();
        ByteBuffer bytes = w.memory().bytes();
        int size = w.format().blockBytes();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        for (int i = 0; i < w.columns(); i += NUMBERS, at += size) {
            a = four(view, at + 2 * Short.BYTES, 0, x, i).fma(scale(bytes, at), a);
            FloatVector sum = FloatVector.fromArray(F, x, i);
            for (int k = L; k < NUMBERS; k += L) {
                sum = sum.add(FloatVector.fromArray(F, x, i + k));
            }
            b = sum.fma(scale(bytes, at + Short.BYTES), b);
        }
        return a.add(b).reduceLanes(VectorOperators.ADD);
    }

    /** (q - middle) x over a block, the low halves of its bytes first. */
    private static FloatVector four(Object view, int at, int middle, float[] x, int i) {
        FloatVector sum = FloatVector.zero(F);
        for (int k = 0; k < HALF; k += L) {
            IntVector both = VectorLoads.bytes(view, at + k);
            IntVector low = both.and(15).sub(middle);
            IntVector high = both.lanewise(VectorOperators.ASHR, 4).and(15).sub(middle);
            sum = floats(low).fma(FloatVector.fromArray(F, x, i + k), sum);
            sum = floats(high).fma(FloatVector.fromArray(F, x, i + HALF + k), sum);
        }
        return sum;
    }

    private static FloatVector floats(IntVector q) {
        return (FloatVector) q.convertShape(VectorOperators.I2F, F, 0);
    }

    private static FloatVector scale(ByteBuffer bytes, int at) {
        return FloatVector.broadcast(F, RowFormat.half(bytes.getShort(at)));
    }
}
