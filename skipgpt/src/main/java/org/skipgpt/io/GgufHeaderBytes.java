package org.skipgpt.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What stands before the weights of a GGUF file, as bytes; the inverse of {@link GgufHeader}.
 *
 * <p>The types are those that llama.cpp's own converter writes: whole numbers as uint32 (below zero int32, beyond it uint64),
 * in lists as int32, others as float32.
 */
final class GgufHeaderBytes {
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private final ByteArrayOutputStream values = new ByteArrayOutputStream();
    private final ByteArrayOutputStream tensors = new ByteArrayOutputStream();
    private long valueCount;
    private long tensorCount;

    /**
     * Appends a named value.
     *
     * @throws IllegalArgumentException for a value that is none of the kinds, or an empty or mixed list
     */
    void value(String name, Object value) {
        string(values, name);
        valueCount++;
        if (!(value instanceof List<?> list)) {
            int kind = value instanceof Long n ? kind(n) : kind(name, value);
            number(values, kind, 4);
            one(kind, value);
            return;
        }
        if (list.isEmpty()
                || list.stream().anyMatch(each -> each.getClass() != list.get(0).getClass())) {
            throw new IllegalArgumentException("value " + name
                    + " is a list that is empty or of several types: expected one type, one entry or" + " more");
        }
        int kind = list.get(0) instanceof Long ? INT32 : kind(name, list.get(0));
        number(values, ARRAY, 4);
        number(values, kind, 4);
        number(values, list.size(), 8);
        list.forEach(each -> one(kind, each));
    }

    private static int kind(long whole) {
        return whole < 0 ? INT32 : whole < 1L << 32 ? 4 : 10;
    }

    private static int kind(String name, Object value) {
        if (value instanceof Double) {
            return FLOAT32;
        }
        if (value instanceof Boolean) {
            return BOOL;
        }
        if (value instanceof String) {
            return STRING;
        }
        throw new IllegalArgumentException("value " + name + " is a "
                + value.getClass().getSimpleName() + ": expected Long, Double, Boolean, String or a list of these");
    }

    private void one(int kind, Object value) {
        if (value instanceof String text) {
            string(values, text);
        } else if (value instanceof Boolean flag) {
            values.write(flag ? 1 : 0);
        } else if (value instanceof Double real) {
            number(values, Float.floatToRawIntBits(real.floatValue()), 4);
        } else if (value instanceof Long whole) {
            if (kind == INT32 && whole != whole.intValue()) {
                throw new IllegalArgumentException("the number " + whole + " has no place in 32 bits");
            }
            number(values, whole, kind == 10 ? 8 : 4);
        }
    }

    /** Appends a tensor's place: sizes innermost first, then its type and its distance from the first tensor. */
    void tensor(String name, int type, long at, long... shape) {
        string(tensors, name);
        number(tensors, shape.length, 4);
        for (int d = shape.length - 1; d >= 0; d--) {
            number(tensors, shape[d], 8);
        }
        number(tensors, type, 4);
        number(tensors, at, 8);
        tensorCount++;
    }

    /** The header, filled up with zeros to a multiple of an alignment. */
    byte[] bytes(int alignment) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        number(all, 3, 4);
        number(all, tensorCount, 8);
        number(all, valueCount, 8);
        all.writeBytes(values.toByteArray());
        all.writeBytes(tensors.toByteArray());
        while (all.size() % alignment != 0) {
            all.write(0);
        }
        return all.toByteArray();
    }

    private static void string(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        number(out, bytes.length, 8);
        out.writeBytes(bytes);
    }

    private static void number(ByteArrayOutputStream out, long value, int bytes) {
        byte[] all = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
        out.write(all, 0, bytes);
    }
}
