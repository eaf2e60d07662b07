package org.skipgpt.io;

import java.util.Arrays;

/**
 * Shape and stored element type of a tensor.
 *
 * @param name the tensor's key in the checkpoint
 * @param format element format as safetensors spells it: F32, F16, BF16, I64, ...; see {@link ElementFormat}
 * @param shape sizes, outermost first, each 0 or more; empty for a scalar
 */
public record TensorInfo(String name, String format, long[] shape) {
    /**
     * Checks the format and the sizes.
     *
     * @throws CheckpointException for a format that is not known, a negative size, or more than 2^63-1 bytes
     */
    public TensorInfo {
        int width = ElementFormat.of(name, format).bytes();
        long bytes = width;
        for (long size : shape) {
            if (size < 0) {
                throw new CheckpointException("Tensor '" + name + "' has the shape " + Arrays.toString(shape)
                        + "; sizes are 0 or more. The file is damaged: fetch or write it again.");
            }
            if (size != 0 && bytes > Long.MAX_VALUE / size) {
                throw new CheckpointException("Tensor '" + name + "' has the shape " + Arrays.toString(shape)
                        + ", more bytes than can be counted. The file is damaged: fetch or write it again.");
            }
            bytes *= size;
        }
    }

    /** How many elements there are. */
    public long elements() {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    /** Bytes of one element. */
    public int elementBytes() {
        return ElementFormat.valueOf(format).bytes();
    }

    /** Bytes of the whole tensor as it is stored. */
    public long byteSize() {
        return elements() * elementBytes();
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
