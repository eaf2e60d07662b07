package org.skipgpt.vector;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A matrix outside the heap, one row behind the other, in fp32 or bf16.
 *
 * <pre>{@code
 * RowMatrix w = kernels.matrix(bytes, rows, columns, true);   // bf16: 2 * rows * columns bytes
 * }</pre>
 */
public final class RowMatrix {
    // About what a core reads in 5 microseconds: long beside the claim of a part, short beside the product.
    private static final int PART_BYTES = 64 << 10;

    private final RowMemory memory;
    private final int rows;
    private final int columns;
    private final boolean halves;

    /**
     * Takes memory.
     *
     * @param memory rows * columns numbers
     * @param halves whether they are bf16, else fp32
     * @throws IllegalArgumentException if the memory has another size
     */
    public RowMatrix(RowMemory memory, int rows, int columns, boolean halves) {
        this.memory = memory;
        this.rows = rows;
        this.columns = columns;
        this.halves = halves;
        long needed = (long) rows * columns * numberBytes();
        if (memory.bytes().capacity() != needed) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " numbers of " + numberBytes()
                    + " bytes takes " + needed + " bytes; its memory has "
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

    /** Whether numbers are bf16. */
    public boolean isHalves() {
        return halves;
    }

    /** Bytes of one number. */
    public int numberBytes() {
        return halves ? Short.BYTES : Float.BYTES;
    }

    /** How many rows make a part that is worth a thread's claim. */
    public int partRows() {
        return Math.max(1, PART_BYTES / (columns * numberBytes()));
    }

    /** How many such parts there are. */
    public int parts() {
        return (rows + partRows() - 1) / partRows();
    }

    /** Reads a row of {@code columns} numbers as fp32. */
    public void read(int row, float[] out) {
        ByteBuffer bytes = memory.bytes().duplicate().order(ByteOrder.nativeOrder());
        int at = row * columns * numberBytes();
        for (int i = 0; i < columns; i++) {
            out[i] = halves
                    ? Float.intBitsToFloat(bytes.getShort(at + Short.BYTES * i) << 16)
                    : bytes.getFloat(at + Float.BYTES * i);
        }
    }
}
