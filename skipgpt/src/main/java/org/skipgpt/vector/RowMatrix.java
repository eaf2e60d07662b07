package org.skipgpt.vector;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A matrix outside the heap, one row behind the other, in fp32, bf16 or blocks of 8 or 4 bits.
 *
 * <pre>{@code
 * RowMatrix w = kernels.matrix(bytes, rows, columns, RowFormat.BF16);   // 2 * rows * columns bytes
 * }</pre>
 */
public final class RowMatrix {
    // About what a core reads in 5 microseconds: long beside the claim of a part, short beside the product.
    private static final int PART_BYTES = 64 << 10;

    private final RowMemory memory;
    private final int rows;
    private final int columns;
    private final RowFormat format;
    private final int rowBytes;

    /**
     * Takes memory.
     *
     * @param memory rows * columns numbers
     * @param format how they lie
     * @throws IllegalArgumentException if the memory has another size, or rows are no whole blocks
     */
    public RowMatrix(RowMemory memory, int rows, int columns, RowFormat format) {
        this.memory = memory;
        this.rows = rows;
        this.columns = columns;
        this.format = format;
        this.rowBytes = format.rowBytes(columns);
        long needed = (long) rows * rowBytes;
        if (memory.bytes().capacity() != needed) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " numbers as " + format
                    + " takes " + needed + " bytes; its memory has "
                    + memory.bytes().capacity());
        }
    }

    /** The numbers. */
    public RowMemory memory() {
        return memory;
    }

    /** Outputs of a product. */
    public int rows() {
        return rows;
    }

    /** Inputs of a product. */
    public int columns() {
        return columns;
    }

    /** How its numbers lie. */
    public RowFormat format() {
        return format;
    }

    /** Bytes of one row. */
    public int rowBytes() {
        return rowBytes;
    }

    /** How many rows make a part that is worth a thread's claim. */
    public int partRows() {
        return Math.max(1, PART_BYTES / rowBytes);
    }

    /** How many such parts there are. */
    public int parts() {
        return (rows + partRows() - 1) / partRows();
    }

    /** Reads a row of {@code columns} numbers as fp32. */
    public void read(int row, float[] out) {
        ByteBuffer bytes = memory.bytes().duplicate().order(ByteOrder.nativeOrder());
        format.read(bytes, row * rowBytes, out, columns);
    }
}
