package org.skipgpt.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes pickles operation by operation, honest and hostile ones. */
final class Pickles {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Pickles() {}

    static Pickles start() {
        return new Pickles().raw("\u0080\u0002");
    }

    /** Operations as letters; each char is one byte. */
    Pickles raw(String operations) {
        out.writeBytes(operations.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    Pickles global(String module, String name) {
        return raw("c" + module + "\n" + name + "\n");
    }

    Pickles text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        raw("X");
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(bytes.length)
                .array());
        out.writeBytes(bytes);
        return this;
    }

    Pickles number(int number) {
        raw("J");
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array());
        return this;
    }

    Pickles numbers(int... numbers) {
        raw("(");
        for (int number : numbers) {
            number(number);
        }
        return raw("t");
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    /** A pickle that is one float tensor. */
    static byte[] tensor(String storage, int elements, int offset, int[] shape, int[] strides) {
        return start().global("torch._utils", "_rebuild_tensor_v2")
                .raw("((")
                .text("storage")
                .global("torch", "FloatStorage")
                .text(storage)
                .text("cpu")
                .number(elements)
                .raw("tQ")
                .number(offset)
                .numbers(shape)
                .numbers(strides)
                .raw("\u0089")
                .global("collections", "OrderedDict")
                .raw(")RtR.")
                .bytes();
    }
}
