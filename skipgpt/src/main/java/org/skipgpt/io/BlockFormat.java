package org.skipgpt.io;

import java.nio.ByteBuffer;
import org.skipgpt.torch.Dtype;

/**
 * Matrices in blocks of 32 neighbours of a row, small integers q with one or two scales in half precision, as ggml lays them out (2023).
 *
 * <p>Q8_0: {@code w = d q}, d = max |w| / 127. Q4_0: {@code w = d (q - 8)}, d the number of largest size over -8. Q4_1: {@code w = d q +
 * m}, m the least number, d = (largest - m) / 15. Numbers are rounded with the d that was not yet rounded.
 */
public enum BlockFormat {
    Q8_0(GgufType.Q8_0, Dtype.Q8_0),
    Q4_0(GgufType.Q4_0, Dtype.Q4_0),
    Q4_1(GgufType.Q4_1, Dtype.Q4_1);

    /** Numbers of a block. */
    public static final int NUMBERS = 32;

    private static final int HALF = NUMBERS / 2;

    private final GgufType type;
    private final Dtype dtype;

    BlockFormat(GgufType type, Dtype dtype) {
        this.type = type;
        this.dtype = dtype;
    }

    /**
     * The format of an element type.
     *
     * @throws IllegalArgumentException if that has no blocks
     */
    public static BlockFormat of(Dtype dtype) {
        for (BlockFormat format : values()) {
            if (format.dtype == dtype) {
                return format;
            }
        }
        throw new IllegalArgumentException(dtype + " has no blocks: expected q8_0, q4_0 or q4_1");
    }

    /** The element type that has such blocks. */
    public Dtype dtype() {
        return dtype;
    }

    /** Bytes of a block. */
    public int blockBytes() {
        return type.blockBytes();
    }

    /** Bytes of a row of so many numbers, a multiple of {@link #NUMBERS}. */
    public int rowBytes(long columns) {
        return Math.toIntExact(columns / NUMBERS * type.blockBytes());
    }

    boolean is(GgufType other) {
        return type == other;
    }

    /** Reads the numbers of whole blocks, as many as there are. */
    public void decode(byte[] blocks, float[] out) {
        int size = type.blockBytes();
        for (int at = 0, from = 0; from < blocks.length; at += NUMBERS, from += size) {
            float scale = half(blocks, from);
            switch (this) {
                case Q8_0 -> {
                    for (int j = 0; j < NUMBERS; j++) {
                        out[at + j] = scale * blocks[from + 2 + j];
                    }
                }
                case Q4_0 -> {
                    for (int j = 0; j < HALF; j++) {
                        out[at + j] = scale * ((blocks[from + 2 + j] & 15) - 8);
                        out[at + HALF + j] = scale * (((blocks[from + 2 + j] >> 4) & 15) - 8);
                    }
                }
                case Q4_1 -> {
                    float least = half(blocks, from + 2);
                    for (int j = 0; j < HALF; j++) {
                        out[at + j] = scale * (blocks[from + 4 + j] & 15) + least;
                        out[at + HALF + j] = scale * ((blocks[from + 4 + j] >> 4) & 15) + least;
                    }
                }
            }
        }
    }

    private static float half(byte[] blocks, int at) {
        return Widening.half((short) ((blocks[at] & 0xFF) | blocks[at + 1] << 8));
    }

    /**
     * Appends whole blocks.
     *
     * @param name of the matrix, for messages
     * @param values count numbers from an index on, a multiple of a block's
     * @param out little-endian
     * @throws CheckpointException for a number that is not finite, or too large for the scale's half precision
     */
    public void encode(String name, float[] values, int from, int count, ByteBuffer out) {
        if (this == Q8_0) {
            GgufStorage.Q8_0.encode(name, values, from, count, out);
            return;
        }
        for (int at = from; at < from + count; at += NUMBERS) {
            fourBits(name, values, at, out);
        }
    }

    private void fourBits(String name, float[] values, int from, ByteBuffer out) {
        float least = values[from];
        float most = values[from];
        for (int i = from; i < from + NUMBERS; i++) {
            if (!Float.isFinite(values[i])) {
                throw new CheckpointException("Matrix " + name + " has the number " + values[i]
                        + ", which is no weight: look for what diverged, or load the model again.");
            }
            least = Math.min(least, values[i]);
            most = Math.max(most, values[i]);
        }
        float largest = -least > most ? least : most;
        float scale = this == Q4_0 ? largest / -8 : (most - least) / 15;
        float start = this == Q4_0 ? 0 : least;
        float middle = this == Q4_0 ? 8.5f : 0.5f;
        // Below the smallest normal number the inverse is infinite; the stored scale is 0 there, whatever q is.
        float inverse = Math.abs(scale) < Float.MIN_NORMAL ? 0 : 1 / scale;
        out.putShort(half(name, scale));
        if (this == Q4_1) {
            out.putShort(half(name, least));
        }
        for (int i = from; i < from + HALF; i++) {
            int low = fourBits((values[i] - start) * inverse + middle);
            int high = fourBits((values[i + HALF] - start) * inverse + middle);
            out.put((byte) (low | high << 4));
        }
    }

    private static int fourBits(float scaled) {
        return Math.max(0, Math.min(15, (int) scaled));
    }

    private short half(String name, float value) {
        short narrow = Narrowing.half(value);
        if (!Float.isFinite(Widening.half(narrow))) {
            throw new CheckpointException("Matrix " + name + " has numbers around " + value
                    + ", which are too large for " + this + ": load it as bf16 or fp32.");
        }
        return narrow;
    }
}
