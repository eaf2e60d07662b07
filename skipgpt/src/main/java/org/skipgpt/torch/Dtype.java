package org.skipgpt.torch;

import java.util.Locale;

/**
 * Element type of weights and matrix products.
 *
 * <p>Q8_0, Q4_0 and Q4_1 are blocks of 32 small integers with scales, as GGUF files have them: for inference on a CPU, where one
 * row reads them as they are and passes over several rows widen a module at a time to fp32.
 *
 * <p>BF16 and FP16 arrays are created, cast and read inside TorchScript only: the engine's Java side has no BF16, and
 * asking it for one ends the JVM.
 */
public enum Dtype {
    FP32(6, 4),
    FP16(5, 2),
    BF16(15, 2),
    Q8_0(6, 34.0 / 32),
    Q4_0(6, 18.0 / 32),
    Q4_1(6, 20.0 / 32);

    private final int torchCode;
    private final double bytes;

    Dtype(int torchCode, double bytes) {
        this.torchCode = torchCode;
        this.bytes = bytes;
    }

    /** Whether numbers lie in blocks with scales, which only a row's kernels read. */
    public boolean isBlocks() {
        return this == Q8_0 || this == Q4_0 || this == Q4_1;
    }

    /** The element type of arrays with these numbers: fp32 for blocks, else the type itself. */
    public Dtype ofArrays() {
        return isBlocks() ? FP32 : this;
    }

    /** The number libtorch uses for {@link #ofArrays}. */
    public int torchCode() {
        return torchCode;
    }

    /** Bytes an element takes, with its share of a block's scales. */
    public double bytes() {
        return bytes;
    }

    /**
     * The type a user named, in any case: fp32, float32, bf16, bfloat16, fp16, float16, half, q8_0, q4_0, q4_1.
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
            case "q8_0":
                return Q8_0;
            case "q4_0":
                return Q4_0;
            case "q4_1":
                return Q4_1;
            default:
                throw new IllegalArgumentException("dtype \"" + name
                        + "\" is not known: use fp32, bf16 or fp16, or for inference on a CPU q8_0, q4_0 or q4_1");
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
