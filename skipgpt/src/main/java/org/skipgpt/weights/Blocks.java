package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.skipgpt.io.BlockFormat;

/**
 * A matrix in blocks of small integers, as {@link BlockFormat} has them; its bytes belong to the owner of the array.
 *
 * @param bytes (rows, bytes of a row) uint8 on the CPU
 * @param format of all its blocks
 */
public record Blocks(NDArray bytes, BlockFormat format) {
    /** Room for a matrix, not filled yet. */
    static Blocks allocate(NDManager owner, long rows, long columns, BlockFormat format) {
        Shape shape = new Shape(rows, format.rowBytes(columns));
        return new Blocks(owner.zeros(shape, DataType.UINT8), format);
    }

    /** How many rows: outputs of a product. */
    public int rows() {
        return Math.toIntExact(bytes.getShape().get(0));
    }

    /** How many numbers a row has: inputs of a product. */
    public int columns() {
        return Math.toIntExact(bytes.getShape().get(1)) / format.blockBytes() * BlockFormat.NUMBERS;
    }

    /** Bytes of all rows. */
    public long size() {
        return bytes.getShape().size();
    }

    /** The bytes where they lie, little-endian; the array must outlive it. */
    public ByteBuffer memory() {
        return bytes.toByteBuffer(true).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** All numbers as an array of its own: (rows, columns) fp32. */
    NDArray widened() {
        int columns = columns();
        NDArray made = bytes.getManager().create(new Shape(rows(), columns), DataType.FLOAT32);
        FloatBuffer out = made.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
        byte[] piece = new byte[format.rowBytes(columns)];
        ByteBuffer all = memory();
        float[] numbers = new float[columns];
        for (int i = 0; i < rows(); i++) {
            all.get(piece);
            format.decode(piece, numbers);
            out.put(numbers);
        }
        return made;
    }

    /** The numbers of some rows, one row behind the other. */
    public float[] numbers(int... rows) {
        ByteBuffer memory = memory();
        int columns = columns();
        byte[] piece = new byte[format.rowBytes(columns)];
        float[] row = new float[columns];
        float[] all = new float[rows.length * columns];
        for (int i = 0; i < rows.length; i++) {
            memory.get(rows[i] * piece.length, piece);
            format.decode(piece, row);
            System.arraycopy(row, 0, all, i * columns, columns);
        }
        return all;
    }
}
