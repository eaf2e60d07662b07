package org.skipgpt.vector.simd;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.skipgpt.vector.RowFormat;
import org.skipgpt.vector.RowMatrix;

/**
 * A row of blocks times x, see {@link RowFormat}: integers are cut out of vectors of 32-bit words, and a block's sum takes its
 * scale once.
 *
 * <p>Words hold neighbours, so that what is cut out of eight words at once lies apart in the row: x is put into that order
 * once for many rows. Where a block has a number that is added to all, its part is that number times the block's sum of x.
 */
final class BlockDots {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
    private static final int L = F.length();
    private static final int NUMBERS = 32;
    private static final int HALF = NUMBERS / 2;

    /** What brings each nibble of a word to the lowest bits. */
    private static final IntVector NIBBLES = IntVector.zero(I).addIndex(4);

    // Shifts by vectors: those by numbers were at times not compiled into instructions, and then four times as slow.
    private static final IntVector BITS_8 = IntVector.broadcast(I, 8);
    private static final IntVector BITS_16 = IntVector.broadcast(I, 16);
    private static final IntVector BITS_24 = IntVector.broadcast(I, 24);

    private BlockDots() {}

    /** x in the order in which a format's rows take it, then the sums of its blocks. */
    static float[] ordered(RowFormat format, float[] x, int columns) {
        float[] out = new float[columns + columns / NUMBERS];
        for (int block = 0; block < columns; block += NUMBERS) {
            float sum = 0;
            for (int i = 0; i < NUMBERS; i++) {
                int from = format == RowFormat.Q8_0 ? i % L * 4 + i / L : i / L * 4 + i % L / 2 + i % 2 * HALF;
                out[block + i] = x[block + from];
                sum += x[block + i];
            }
            out[columns + block / NUMBERS] = sum;
        }
        return out;
    }

    static void eightBits(RowMatrix w, int from, int to, float[] x, float[] out, int at) {
        for (int row = from; row < to; row++) {
            out[at + row - from] = eightBits(w, row, x);
        }
    }

    private static float eightBits(RowMatrix w, int row, float[] x) {
        Object view = w.memory().view();
        ByteBuffer bytes = w.memory().bytes();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        for (int i = 0; i < w.columns(); i += NUMBERS, at += 34) {
            IntVector q = VectorLoads.words(view, at + Short.BYTES);
            FloatVector even = floats(q.lanewise(VectorOperators.LSHL, BITS_24).lanewise(VectorOperators.ASHR, BITS_24))
                    .mul(FloatVector.fromArray(F, x, i));
            FloatVector odd = floats(q.lanewise(VectorOperators.LSHL, BITS_16).lanewise(VectorOperators.ASHR, BITS_24))
                    .mul(FloatVector.fromArray(F, x, i + L));
            even = floats(q.lanewise(VectorOperators.LSHL, BITS_8).lanewise(VectorOperators.ASHR, BITS_24))
                    .fma(FloatVector.fromArray(F, x, i + 2 * L), even);
            odd = floats(q.lanewise(VectorOperators.ASHR, BITS_24)).fma(FloatVector.fromArray(F, x, i + 3 * L), odd);
            a = even.add(odd).fma(FloatVector.broadcast(F, RowFormat.half(bytes.getShort(at))), a);
        }
        return a.reduceLanes(VectorOperators.ADD);
    }

    static void fourBits(RowMatrix w, int from, int to, float[] x, float[] out, int at) {
        for (int row = from; row < to; row++) {
            out[at + row - from] = fourBits(w, row, x);
        }
    }

    private static float fourBits(RowMatrix w, int row, float[] x) {
        ByteBuffer bytes = w.memory().bytes();
        int columns = w.columns();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        float middle = 0;
        for (int i = 0, block = columns; i < columns; i += NUMBERS, block++, at += 18) {
            float scale = RowFormat.half(bytes.getShort(at));
            a = nibbles(bytes, at + 2, x, i).fma(FloatVector.broadcast(F, scale), a);
            middle += scale * x[block];
        }
        return a.reduceLanes(VectorOperators.ADD) - 8 * middle;
    }

    static void fourBitsFromLeast(RowMatrix w, int from, int to, float[] x, float[] out, int at) {
        for (int row = from; row < to; row++) {
            out[at + row - from] = fourBitsFromLeast(w, row, x);
        }
    }

    private static float fourBitsFromLeast(RowMatrix w, int row, float[] x) {
        ByteBuffer bytes = w.memory().bytes();
        int columns = w.columns();
        int at = row * w.rowBytes();
        FloatVector a = FloatVector.zero(F);
        float least = 0;
        for (int i = 0, block = columns; i < columns; i += NUMBERS, block++, at += 20) {
            float scale = RowFormat.half(bytes.getShort(at));
            a = nibbles(bytes, at + 4, x, i).fma(FloatVector.broadcast(F, scale), a);
            least += RowFormat.half(bytes.getShort(at + 2)) * x[block];
        }
        return a.reduceLanes(VectorOperators.ADD) + least;
    }

    /** q x over a block of 16 bytes. */
    private static FloatVector nibbles(ByteBuffer bytes, int at, float[] x, int i) {
        FloatVector even = nibbles(bytes.getInt(at)).mul(FloatVector.fromArray(F, x, i));
        FloatVector odd = nibbles(bytes.getInt(at + 4)).mul(FloatVector.fromArray(F, x, i + L));
        even = nibbles(bytes.getInt(at + 8)).fma(FloatVector.fromArray(F, x, i + 2 * L), even);
        odd = nibbles(bytes.getInt(at + 12)).fma(FloatVector.fromArray(F, x, i + 3 * L), odd);
        return even.add(odd);
    }

    private static FloatVector nibbles(int word) {
        return floats(IntVector.broadcast(I, word)
                .lanewise(VectorOperators.LSHR, NIBBLES)
                .and(15));
    }

    private static FloatVector floats(IntVector q) {
        return (FloatVector) q.convertShape(VectorOperators.I2F, F, 0);
    }
}
