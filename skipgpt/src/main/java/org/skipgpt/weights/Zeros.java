package org.skipgpt.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;

/** The tensors of modules that a pruned folder does not store. */
final class Zeros implements TensorSource {
    @Override
    public Set<String> names() {
        return Set.of();
    }

    @Override
    public TensorInfo info(String name) {
        throw new IllegalStateException("zeros have the shape that is asked for, none for " + name);
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {}
}
