package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Named tensors in files, readable piece by piece without copying a file to the heap.
 *
 * <p>Implementations map files; a tensor may be larger than 2 GB. Any number of threads may read at once.
 *
 * <pre>{@code
 * try (var folder = HuggingFaceFolder.open(Path.of("models/tiny-llama"))) {
 *     float[] norm = folder.tensors().floats("model.norm.weight");
 * }
 * }</pre>
 */
public interface TensorSource extends AutoCloseable {
    /** The tensor names, in file order. */
    Set<String> names();

    /**
     * Shape and stored element type of one tensor.
     *
     * @throws CheckpointException if there is no such tensor; the message lists near names
     */
    TensorInfo info(String name);

    /**
     * A read-only little-endian view of part of a tensor's bytes.
     *
     * @param from first byte inside the tensor, 0..bytes-1
     * @param length bytes wanted, 1..2^31-1
     */
    ByteBuffer bytes(String name, long from, int length);

    /**
     * A whole tensor widened to single precision, in row-major order.
     *
     * @throws CheckpointException if its format is no float format, or if it has more than 2^31-9 elements
     */
    default float[] floats(String name) {
        TensorInfo info = info(name);
        if (info.elements() > Integer.MAX_VALUE - 8) {
            throw new CheckpointException("Tensor " + info + " is too large for one array; read it with bytes().");
        }
        float[] values = new float[(int) info.elements()];
        FloatBuffer out = FloatBuffer.wrap(values);
        long bytes = info.byteSize();
        int piece = 1 << 24;
        for (long at = 0; at < bytes; at += piece) {
            Widening.toFloats(bytes(name, at, (int) Math.min(piece, bytes - at)), info, out);
        }
        return values;
    }

    /** The blocks in which a matrix is stored, where {@link BlockFormat} knows them; {@link #bytes} gives its numbers all the same. */
    default Optional<BlockFormat> blocks(String name) {
        return Optional.empty();
    }

    /**
     * One row of a matrix as its blocks are stored.
     *
     * @throws CheckpointException if it is stored otherwise, see {@link #blocks}
     */
    default ByteBuffer blockRow(String name, long row) {
        throw new CheckpointException(
                "Tensor " + name + " of " + this + " is not stored in blocks; read it with bytes().");
    }

    /**
     * Bytes that a tensor takes in its file; other than {@link TensorInfo#byteSize} where it is stored in blocks of few bits.
     */
    default long storedBytes(String name) {
        return info(name).byteSize();
    }

    /**
     * The same tensors, their bytes read from the files whenever they are asked for, and not mapped: a file that lost bytes is
     * then an error, and its pages are no part of this process's memory. Closing the result leaves this one open.
     *
     * <p>A view that {@link #bytes} gives holds until its thread asked for two more.
     *
     * @param counted is told how many bytes of a file each read took
     * @throws CheckpointException if a file changed since it was opened, or there is no file
     */
    default TensorSource reading(LongConsumer counted) {
        throw new CheckpointException("The tensors of " + this + " cannot be read piece by piece; safetensors, GGUF and"
                + " llama2.c files can. Load the model with all layers in memory.");
    }

    /**
     * Looks whether the files are what they were when they were opened; memory has nothing to look at.
     *
     * @throws CheckpointException if one has another size or was written since
     */
    default void checkUnchanged() {}

    @Override
    void close();
}
