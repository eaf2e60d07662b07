package org.skipgpt.io;

import java.util.Arrays;

/**
 * Shape and stored element type of a tensor.
 *
 * @param name the tensor's key in the checkpoint
 * @param format element format as safetensors spells it: F32, F16, BF16, I64, ...
 * @param shape sizes, outermost first; empty for a scalar
 */
public record TensorInfo(String name, String format, long[] shape) {
    /** How many elements there are. */
    public long elements() {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo that
                && name.equals(that.name)
                && format.equals(that.format)
                && Arrays.equals(shape, that.shape);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * name.hashCode() + format.hashCode()) + Arrays.hashCode(shape);
    }

    @Override
    public String toString() {
        return name + " " + format + Arrays.toString(shape);
    }
}
