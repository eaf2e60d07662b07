package org.skipgpt.kernel.render;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Locale;
import java.util.Set;

/** A short text for an array: shape, type, device, and its first values where they are cheap and safe to read. */
final class ArrayText {
    private static final int MAX_ROWS = 6;
    private static final int MAX_COLUMNS = 8;

    // DJL misreads types it does not know, bfloat16 among them, and may bring the JVM down doing so.
    private static final Set<DataType> READABLE = Set.of(
            DataType.FLOAT32,
            DataType.FLOAT64,
            DataType.FLOAT16,
            DataType.INT32,
            DataType.INT64,
            DataType.INT8,
            DataType.UINT8,
            DataType.BOOLEAN);

    private ArrayText() {}

    static String of(NDArray array) {
        if (array.isReleased()) {
            return "NDArray, closed";
        }
        DataType type = array.getDataType();
        String head =
                "NDArray " + array.getShape() + " " + type.name().toLowerCase(Locale.ROOT) + " on " + array.getDevice();
        if (!READABLE.contains(type) || array.size() == 0) {
            return head;
        }
        return head + "\n" + values(array);
    }

    /** The upper left corner of the first matrix. */
    private static String values(NDArray array) {
        try (NDManager scope = array.getManager().newSubManager()) {
            NDArray source = array.duplicate(); // a copy of its own, so that closing the scope leaves the array alone
            source.attach(scope);
            return corner(source);
        }
    }

    private static String corner(NDArray array) {
        Shape shape = array.getShape();
        int axes = shape.dimension();
        long columns = axes > 0 ? shape.get(axes - 1) : 1;
        long rows = axes > 1 ? shape.get(axes - 2) : 1;
        NDArray flat = array.reshape(-1, rows, columns)
                .get(new NDIndex("0, :{}, :{}", Math.min(rows, MAX_ROWS), Math.min(columns, MAX_COLUMNS)));
        double[] numbers = flat.toType(DataType.FLOAT64, true).toDoubleArray();
        int width = (int) Math.min(columns, MAX_COLUMNS);
        StringBuilder text = new StringBuilder(axes > 2 ? "first matrix:\n" : "");
        for (int i = 0; i < numbers.length; i++) {
            text.append(i % width == 0 && i > 0 ? "\n" : "").append(number(numbers[i], array.getDataType()));
            boolean endsRow = i % width == width - 1;
            text.append(endsRow && columns > MAX_COLUMNS ? "  ..." : "");
        }
        return text + (rows > MAX_ROWS ? "\n..." : "");
    }

    private static String number(double value, DataType type) {
        if (type == DataType.BOOLEAN) {
            return String.format(Locale.ROOT, "%7s", value != 0);
        }
        return type.isFloating()
                ? String.format(Locale.ROOT, "%12.5g", value)
                : String.format(Locale.ROOT, "%8d", (long) value);
    }
}
