package org.skipgpt.vector;

import java.nio.ByteBuffer;

/**
 * How numbers of a matrix lie in a row: alone, or in blocks of 32 small integers with scales in half precision, as ggml has them.
 *
 * <p>A block of Q8_0 is a scale d and 32 bytes, {@code w = d q}; of Q4_0 d and 16 bytes whose low halves are its first numbers,
 * {@code w = d (q - 8)}; of Q4_1 d, m and such bytes, {@code w = d q + m}.
 */
public enum RowFormat {
    FP32(1, 4),
    BF16(1, 2),
    Q8_0(32, 34),
    Q4_0(32, 18),
    Q4_1(32, 20);

    private final int numbers;
    private final int bytes;

    RowFormat(int numbers, int bytes) {
        this.numbers = numbers;
        this.bytes = bytes;
    }

    /** Numbers of a block; 1 where each lies alone. */
    public int blockNumbers() {
        return numbers;
    }

    /** Bytes of a block. */
    public int blockBytes() {
        return bytes;
    }

    /**
     * Bytes of a row.
     *
     * @throws IllegalArgumentException if so many numbers are no whole blocks
     */
    public int rowBytes(int columns) {
        if (columns % numbers != 0) {
            throw new IllegalArgumentException(
                    columns + " columns are no whole blocks of " + numbers + " numbers of " + this);
        }
        return columns / numbers * bytes;
    }

    /** The value of a half-precision number that is finite, given by its 16 bits. */
    public static float half(short bits) {
        // The exponent's offset is made up for by a product, which also makes subnormal numbers normal.
        float size = Float.intBitsToFloat((bits & 0x7FFF) << 13) * 0x1p112f;
        return bits < 0 ? -size : size;
    }

    /** Reads a row that begins at a byte. */
    void read(ByteBuffer in, int at, float[] out, int columns) {
        for (int i = 0; i < columns; i++) {
            int block = at + i / numbers * bytes;
            int j = i % 32;
            out[i] = switch (this) {
                case FP32 -> in.getFloat(block);
                case BF16 -> Float.intBitsToFloat(in.getShort(block) << 16);
                case Q8_0 -> half(in.getShort(block)) * in.get(block + 2 + j);
                case Q4_0 -> half(in.getShort(block)) * (nibble(in, block + 2, j) - 8);
                case Q4_1 -> half(in.getShort(block)) * nibble(in, block + 4, j) + half(in.getShort(block + 2));
            };
        }
    }

    private static int nibble(ByteBuffer in, int at, int j) {
        return j < 16 ? in.get(at + j) & 15 : (in.get(at + j - 16) & 0xFF) >> 4;
    }
}
