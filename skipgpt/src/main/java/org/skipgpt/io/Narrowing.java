package org.skipgpt.io;

/** Turns single precision into narrower float formats, to the nearest value, ties to even; the inverse of {@link Widening}. */
public final class Narrowing {
    private Narrowing() {}

    /** The nearest half-precision number as 16 bits: multiples of 2^-24 below 2^-14, infinity from 65520 on. */
    public static short half(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            return (short) (sign | 0x7e00);
        }
        if (magnitude >= 0x47800000) { // 65536
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) { // 2^-14; a product with a power of two is exact
            return (short) (sign | (int) Math.rint(Math.abs((double) value) * 0x1p24));
        }
        // A carry out of the fraction runs into the exponent, which is what rounding up means there.
        int rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
        return (short) (sign | ((rounded - 0x38000000) >>> 13));
    }

    /** The nearest bfloat16 as 16 bits. */
    public static short brainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
