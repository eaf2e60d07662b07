package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Named tensors in files, readable piece by piece without copying a file to the heap.
 *
 * <p>Implementations map files; a tensor may be larger than 2 GB.
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

    @Override
    void close();
}
