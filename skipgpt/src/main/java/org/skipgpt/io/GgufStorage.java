package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;

/**
 * Element types in which matrices are written to a GGUF file, rounded as ggml rounds them; norms and biases stay F32.
 *
 * <p>Q8_0 has a scale for 32 neighbours of a row (ggml, 2023): with {@code a = max |x|}, {@code d = a / 127} is stored as a
 * half and {@code q = round(x (1 / d))}, halves away from zero, with the d that was not yet rounded.
 */
public enum GgufStorage {
    F32(GgufType.F32, 0),
    F16(GgufType.F16, 1),
    BF16(GgufType.BF16, 32),
    Q8_0(GgufType.Q8_0, 7);

    private final GgufType type;
    private final int fileType;

    GgufStorage(GgufType type, int fileType) {
        this.type = type;
        this.fileType = fileType;
    }

    /**
     * The type of a name, in capitals or not.
     *
     * @throws IllegalArgumentException for any other name; the message lists these
     */
    public static GgufStorage of(String name) {
        return Arrays.stream(values())
                .filter(one -> one.name().equals(name.toUpperCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("element type \"" + name + "\" is not written: expected"
                        + " one of " + Arrays.toString(values()) + "; smaller ones come from llama.cpp's"
                        + " llama-quantize on the written file"));
    }

    /** Number of the file's commonest type in general.file_type. */
    int fileType() {
        return fileType;
    }

    int id() {
        return type.id();
    }

    /** Elements of a block; rows have whole blocks. */
    int blockElements() {
        return type.blockElements();
    }

    /** Bytes of a block. */
    int blockBytes() {
        return type.blockBytes();
    }

    /**
     * Appends whole blocks.
     *
     * @param tensor what to call it in messages
     * @param values count elements from an index on, a multiple of a block's
     * @param out little-endian
     * @throws CheckpointException for a number that is not finite, here or once rounded
     */
    void encode(String tensor, float[] values, int from, int count, ByteBuffer out) {
        for (int i = from; i < from + count; i++) {
            if (!Float.isFinite(values[i])) {
                throw new CheckpointException("Tensor " + tensor + " has the number " + values[i]
                        + ", which is no weight: look for what diverged, or load the model again.");
            }
        }
        switch (this) {
            case F32 -> {
                out.asFloatBuffer().put(values, from, count);
                out.position(out.position() + 4 * count);
            }
            case F16 -> {
                for (int i = from; i < from + count; i++) {
                    out.putShort(half(tensor, values[i], values[i]));
                }
            }
            case BF16 -> {
                for (int i = from; i < from + count; i++) {
                    short narrow = Narrowing.brainFloat(values[i]);
                    check(tensor, values[i], Widening.brainFloat(narrow));
                    out.putShort(narrow);
                }
            }
            case Q8_0 -> {
                for (int i = from; i < from + count; i += 32) {
                    block(tensor, values, i, out);
                }
            }
        }
    }

    private void block(String tensor, float[] values, int from, ByteBuffer out) {
        float most = 0;
        for (int i = from; i < from + 32; i++) {
            most = Math.max(most, Math.abs(values[i]));
        }
        float scale = most / 127;
        // Below the smallest normal number the inverse is infinite; the stored scale is 0 there, whatever q is.
        float inverse = scale < Float.MIN_NORMAL ? 0 : 1 / scale;
        out.putShort(half(tensor, scale, most));
        for (int i = from; i < from + 32; i++) {
            float scaled = values[i] * inverse;
            int q = (int) Math.floor(Math.abs((double) scaled) + 0.5);
            out.put((byte) (scaled < 0 ? -q : q));
        }
    }

    private short half(String tensor, float value, float meant) {
        short narrow = Narrowing.half(value);
        check(tensor, meant, Widening.half(narrow));
        return narrow;
    }

    private void check(String tensor, float value, float stored) {
        if (!Float.isFinite(stored)) {
            throw new CheckpointException("Tensor " + tensor + " has the number " + value + ", which is too large for "
                    + this + ": write " + (this == BF16 ? F32 : BF16) + ".");
        }
    }
}
