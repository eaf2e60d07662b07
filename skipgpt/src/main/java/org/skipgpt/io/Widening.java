package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/** Turns stored float formats into single precision; exact for F16, BF16 and F32, rounded for F64. */
public final class Widening {
    private static final int PIECE = 1 << 13;

    private Widening() {}

    /**
     * Appends the elements of some little-endian bytes to {@code out}.
     *
     * @param bytes whole elements; its position does not move
     * @param info the tensor they belong to
     * @param out where they go; its position moves on by the number of elements
     * @throws CheckpointException for a format that is not a float format
     */
    public static void toFloats(ByteBuffer bytes, TensorInfo info, FloatBuffer out) {
        ByteBuffer in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        ElementFormat format = ElementFormat.of(info.name(), info.format());
        if (!format.isFloat()) {
            throw new CheckpointException(
                    "Tensor " + info + " does not hold floats; F64, F32, F16 and BF16 can be read as floats.");
        }
        if (in.remaining() % format.bytes() != 0) {
            throw new IllegalArgumentException(in.remaining() + " bytes are no whole number of " + format + " elements"
                    + "; pass a multiple of " + format.bytes() + ".");
        }
        switch (format) {
            case F32 -> out.put(in.asFloatBuffer());
            case BF16 -> fromBits(in.asShortBuffer(), true, out);
            case F16 -> fromBits(in.asShortBuffer(), false, out);
            default -> fromDoubles(in.asDoubleBuffer(), out);
        }
    }

    /** The value of a half-precision number given by its 16 bits. */
    public static float half(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = (bits >>> 10) & 0x1f;
        int fraction = bits & 0x3ff;
        if (exponent == 0) {
            // subnormal: fraction * 2^-24 is exact in single precision
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int widened = exponent == 31 ? 0xff : exponent - 15 + 127;
        return Float.intBitsToFloat(sign | widened << 23 | fraction << 13);
    }

    /** The value of a bfloat16 number given by its 16 bits. */
    public static float brainFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    // By way of arrays: loops over them become vector instructions.
    private static void fromBits(ShortBuffer in, boolean isBrain, FloatBuffer out) {
        short[] bits = new short[Math.min(PIECE, in.remaining())];
        float[] values = new float[bits.length];
        while (in.hasRemaining()) {
            int n = Math.min(bits.length, in.remaining());
            in.get(bits, 0, n);
            if (isBrain) {
                for (int i = 0; i < n; i++) {
                    values[i] = brainFloat(bits[i]);
                }
            } else {
                for (int i = 0; i < n; i++) {
                    values[i] = half(bits[i]);
                }
            }
            out.put(values, 0, n);
        }
    }

    private static void fromDoubles(DoubleBuffer in, FloatBuffer out) {
        for (int n = in.remaining(); n > 0; n--) {
            out.put((float) in.get());
        }
    }
}
