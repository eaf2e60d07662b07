package org.skipgpt.weights;

import java.nio.ByteBuffer;
import java.util.Set;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;

/** A source without tensors. */
class HeaderOnly implements TensorSource {
    @Override
    public Set<String> names() {
        return Set.of();
    }

    @Override
    public TensorInfo info(String name) {
        throw new IllegalStateException("there is no tensor " + name);
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        throw new IllegalStateException("there is no tensor " + name);
    }

    @Override
    public void close() {}
}
