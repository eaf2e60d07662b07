package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The bytes of a pickle as operations take them; a pickle that breaks off is an error, never a crash. */
final class PickleInput {
    private static final int MAX_NAME = 200;

    private final ByteBuffer in;

    PickleInput(ByteBuffer bytes) {
        this.in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    int unsignedByte() {
        return Byte.toUnsignedInt(need(1).get());
    }

    int unsignedShort() {
        return Short.toUnsignedInt(need(2).getShort());
    }

    int signedInt() {
        return need(4).getInt();
    }

    double bigEndianDouble() {
        return Double.longBitsToDouble(Long.reverseBytes(need(8).getLong()));
    }

    /** A whole number behind the count of its bytes, two's complement. */
    long longValue() {
        int length = unsignedByte();
        if (length > 8) {
            throw refused("it holds a whole number of more than 64 bits");
        }
        need(length);
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= Byte.toUnsignedLong(in.get()) << (8 * i);
        }
        int unused = 64 - 8 * length;
        return length == 0 ? 0 : value << unused >> unused;
    }

    /** A text behind the 32-bit count of its bytes. */
    String text() {
        int length = signedInt();
        if (length < 0) {
            throw refused("it holds a text of absurd length");
        }
        need(length);
        ByteBuffer bytes = in.slice(in.position(), length);
        in.position(in.position() + length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointException(message("it holds a text that is not UTF-8"), e);
        }
    }

    /** A name up to the end of its line. */
    String line() {
        StringBuilder text = new StringBuilder();
        for (int b = unsignedByte(); b != '\n'; b = unsignedByte()) {
            if (b < ' ' || b > '~' || text.length() >= MAX_NAME) {
                throw refused("it asks for a name that is no name");
            }
            text.append((char) b);
        }
        return text.toString();
    }

    private ByteBuffer need(int bytes) {
        if (in.remaining() < bytes) {
            throw refused("it breaks off");
        }
        return in;
    }

    static CheckpointException refused(String what) {
        return new CheckpointException(message(what));
    }

    private static String message(String what) {
        return "The pickle is refused: " + what + ". Only tensors, plain values and dicts are read, and nothing is"
                + " ever executed; save the state_dict alone, in safetensors if possible.";
    }
}
