package org.skipgpt.vector;

import java.nio.ByteBuffer;

/**
 * Numbers outside the heap, where they lie.
 *
 * @param bytes direct, in the machine's byte order; whoever owns the memory must outlive it
 * @param view the same memory as this Java's vectors read it, see {@link RowKernels#memory}
 */
public record RowMemory(ByteBuffer bytes, Object view) {}
