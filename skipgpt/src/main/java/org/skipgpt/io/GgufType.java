package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Element types of GGUF tensors and how their blocks become floats (the block layouts of ggml, 2023-2026).
 *
 * <p>A block holds a fixed number of neighbouring elements of a row: small integers q with one or two scales,
 * {@code w = d q}, {@code w = d q + m} or, for a block of 256 with a scale for each 16 or 32 elements, {@code w = d s q - m s'}.
 */
enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    BF16(30, 1, 2);

    private final int id;
    private final int elements;
    private final int bytes;

    GgufType(int id, int elements, int bytes) {
        this.id = id;
        this.elements = elements;
        this.bytes = bytes;
    }

    /**
     * The type of a number in a file.
     *
     * @throws CheckpointException for a type that is not read; the message names the tensor and what is
     */
    static GgufType of(int id, String tensor) {
        for (GgufType type : values()) {
            if (type.id == id) {
                return type;
            }
        }
        throw new CheckpointException("GGUF tensor " + tensor + " has element type " + id
                + ", which is not read; known are "
                + Arrays.stream(values()).map(t -> t + " (" + t.id + ")").collect(Collectors.joining(", "))
                + ". Convert the file to one of these, e.g. with llama.cpp's llama-quantize.");
    }

    /** Number of the type in a file. */
    int id() {
        return id;
    }

    /** Elements of a block. */
    int blockElements() {
        return elements;
    }

    /** Bytes of a block. */
    int blockBytes() {
        return bytes;
    }

    /**
     * Floats of whole blocks.
     *
     * @param in little-endian blocks from its position on
     * @param out filled from 0 on; a multiple of the block's elements
     */
    void dequantise(ByteBuffer in, float[] out, int count) {
        for (int at = 0, from = in.position(); at < count; at += elements, from += bytes) {
            switch (this) {
                case F32 -> out[at] = in.getFloat(from);
                case F16 -> out[at] = half(in, from);
                case BF16 -> out[at] = Widening.brainFloat(in.getShort(from));
                case Q4_0, Q4_1, Q5_0, Q5_1 -> nibbles(in, from, out, at);
                case Q8_0 -> bytes(in, from, out, at);
                case Q2_K -> twoBits(in, from, out, at);
                case Q3_K -> threeBits(in, from, out, at);
                case Q4_K, Q5_K -> fourAndFiveBits(in, from, out, at);
                case Q6_K -> sixBits(in, from, out, at);
            }
        }
    }

    private static float half(ByteBuffer in, int at) {
        return Widening.half(in.getShort(at));
    }

    private static int u(ByteBuffer in, int at) {
        return in.get(at) & 0xFF;
    }

    // d, perhaps m, perhaps the fifth bits of 32 elements, then 16 bytes: elements 0..15 low, 16..31 high.
    private void nibbles(ByteBuffer in, int from, float[] out, int at) {
        boolean hasMinimum = this == Q4_1 || this == Q5_1;
        boolean hasFifth = this == Q5_0 || this == Q5_1;
        float d = half(in, from);
        float m = hasMinimum ? half(in, from + 2) : 0;
        int q = from + (hasMinimum ? 4 : 2);
        int fifth = hasFifth ? in.getInt(q) : 0;
        q += hasFifth ? 4 : 0;
        int middle = hasFifth ? 16 : 8;
        for (int j = 0; j < 16; j++) {
            int low = (u(in, q + j) & 15) | ((fifth >>> j) & 1) << 4;
            int high = (u(in, q + j) >> 4) | ((fifth >>> (j + 16)) & 1) << 4;
            // Without a minimum nothing is added, not even 0: that would turn -0 into 0.
            out[at + j] = hasMinimum ? d * low + m : d * (low - middle);
            out[at + j + 16] = hasMinimum ? d * high + m : d * (high - middle);
        }
    }

    private static void bytes(ByteBuffer in, int from, float[] out, int at) {
        float d = half(in, from);
        for (int j = 0; j < 32; j++) {
            out[at + j] = d * in.get(from + 2 + j);
        }
    }

    // 16 bytes of (scale, minimum) nibbles, 64 bytes of two-bit values, d, dmin.
    private static void twoBits(ByteBuffer in, int from, float[] out, int at) {
        float d = half(in, from + 80);
        float least = half(in, from + 82);
        for (int i = 0; i < 256; i++) {
            int part = i / 128;
            int shift = i % 128 / 32 * 2;
            int scale = u(in, from + i / 16);
            int q = (u(in, from + 16 + part * 32 + i % 32) >> shift) & 3;
            out[at + i] = d * (scale & 15) * q - least * (scale >> 4);
        }
    }

    // 32 bytes of third bits, 64 of two-bit values, 12 of six-bit scales, d.
    private static void threeBits(ByteBuffer in, int from, float[] out, int at) {
        float d = half(in, from + 108);
        for (int i = 0; i < 256; i++) {
            int part = i / 128;
            int step = i % 128 / 32;
            int low = (u(in, from + 32 + part * 32 + i % 32) >> (step * 2)) & 3;
            boolean third = ((u(in, from + i % 32) >> (part * 4 + step)) & 1) != 0;
            out[at + i] = d * (sixBitScale(in, from + 96, i / 16) - 32) * (low - (third ? 0 : 4));
        }
    }

    // 16 scales: low four bits in bytes 0..7 (first eight low nibbles, then high), high two bits in bytes 8..11.
    private static int sixBitScale(ByteBuffer in, int from, int index) {
        int low = index < 8 ? u(in, from + index) & 15 : u(in, from + index - 8) >> 4;
        return low | ((u(in, from + 8 + index % 4) >> (index / 4 * 2)) & 3) << 4;
    }

    // d, dmin, 12 bytes of eight six-bit (scale, minimum) pairs, with Q5_K the fifth bits, then 128 bytes of nibbles.
    private void fourAndFiveBits(ByteBuffer in, int from, float[] out, int at) {
        float d = half(in, from);
        float least = half(in, from + 2);
        boolean five = this == Q5_K;
        int nibbles = from + 16 + (five ? 32 : 0);
        for (int group = 0; group < 8; group++) {
            float scale = d * pairScale(in, from + 4, group);
            float minimum = least * pairMinimum(in, from + 4, group);
            for (int l = 0; l < 32; l++) {
                int both = u(in, nibbles + group / 2 * 32 + l);
                int q = group % 2 == 0 ? both & 15 : both >> 4;
                int fifth = five ? (u(in, from + 16 + l) >> group) & 1 : 0;
                out[at + group * 32 + l] = scale * (q + 16 * fifth) - minimum;
            }
        }
    }

    private static int pairScale(ByteBuffer in, int from, int i) {
        return i < 4 ? u(in, from + i) & 63 : (u(in, from + i + 4) & 15) | ((u(in, from + i - 4) >> 6) << 4);
    }

    private static int pairMinimum(ByteBuffer in, int from, int i) {
        return i < 4 ? u(in, from + i + 4) & 63 : (u(in, from + i + 4) >> 4) | ((u(in, from + i) >> 6) << 4);
    }

    // 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, d.
    private static void sixBits(ByteBuffer in, int from, float[] out, int at) {
        float d = half(in, from + 208);
        for (int i = 0; i < 256; i++) {
            int part = i / 128;
            int step = i % 128 / 32;
            int l = i % 32;
            int low = u(in, from + part * 64 + step % 2 * 32 + l);
            int q = (step < 2 ? low & 15 : low >> 4) | ((u(in, from + 128 + part * 32 + l) >> (step * 2)) & 3) << 4;
            out[at + i] = d * in.get(from + 192 + i / 16) * (q - 32);
        }
    }
}
