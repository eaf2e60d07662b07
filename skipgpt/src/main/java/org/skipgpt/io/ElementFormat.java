package org.skipgpt.io;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Element formats of stored tensors, named as safetensors names them, in order of falling width. */
public enum ElementFormat {
    /** Double precision. */
    F64(8),
    /** Signed 64-bit integer. */
    I64(8),
    /** Unsigned 64-bit integer. */
    U64(8),
    /** Single precision. */
    F32(4),
    /** Signed 32-bit integer. */
    I32(4),
    /** Unsigned 32-bit integer. */
    U32(4),
    /** Half precision, 5 exponent bits. */
    F16(2),
    /** The upper half of single precision, 8 exponent bits. */
    BF16(2),
    /** Signed 16-bit integer. */
    I16(2),
    /** Unsigned 16-bit integer. */
    U16(2),
    /** 8-bit float, 4 exponent bits. */
    F8_E4M3(1),
    /** 8-bit float, 5 exponent bits. */
    F8_E5M2(1),
    /** Signed byte. */
    I8(1),
    /** Unsigned byte. */
    U8(1),
    /** One byte, 0 or 1. */
    BOOL(1);

    private final int bytes;

    ElementFormat(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether {@link Widening} can turn it into single precision. */
    public boolean isFloat() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }

    /** The format of that name; {@code tensor} is only for the message. */
    static ElementFormat of(String tensor, String format) {
        for (ElementFormat known : values()) {
            if (known.name().equals(format)) {
                return known;
            }
        }
        throw new CheckpointException(String.format(
                Locale.ROOT,
                "Tensor '%s' has the element format '%s'; known are %s. Convert the checkpoint to one of them.",
                tensor,
                format,
                Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "))));
    }
}
