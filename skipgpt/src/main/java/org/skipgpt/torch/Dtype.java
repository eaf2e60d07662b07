package org.skipgpt.torch;

import java.util.Locale;

/**
 * Element type of weights and matrix products.
 *
 * <p>BF16 and FP16 arrays are created, cast and read inside TorchScript only: the engine's Java side has no BF16, and
 * asking it for one ends the JVM.
 */
public enum Dtype {
    FP32(6, 4),
    FP16(5, 2),
    BF16(15, 2);

    private final int torchCode;
    private final int bytes;

    Dtype(int torchCode, int bytes) {
        this.torchCode = torchCode;
        this.bytes = bytes;
    }

    /** The number libtorch uses for this type. */
    public int torchCode() {
        return torchCode;
    }

    /** Bytes an element takes. */
    public int bytes() {
        return bytes;
    }

    /**
     * The type a user named, in any case: fp32, float32, bf16, bfloat16, fp16, float16, half.
     *
     * @throws IllegalArgumentException for another name; the message lists the names
     */
    public static Dtype of(String name) {
        switch (name.toLowerCase(Locale.ROOT)) {
            case "fp32":
            case "float32":
            case "float":
                return FP32;
            case "bf16":
            case "bfloat16":
                return BF16;
            case "fp16":
            case "float16":
            case "half":
                return FP16;
            default:
                throw new IllegalArgumentException("dtype \"" + name + "\" is not known: use fp32, bf16 or fp16");
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
