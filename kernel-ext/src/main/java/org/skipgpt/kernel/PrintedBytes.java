package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.function.Consumer;

/** Takes printed UTF-8 bytes and hands on whole characters. */
final class PrintedBytes extends OutputStream {
    private final Consumer<String> sink;
    private final ByteArrayOutputStream rest = new ByteArrayOutputStream();

    private PrintedBytes(Consumer<String> sink) {
        this.sink = sink;
    }

    /** A print stream whose text goes to a sink. */
    static PrintStream stream(Consumer<String> sink) {
        return new PrintStream(new PrintedBytes(sink), false, UTF_8);
    }

    @Override
    public synchronized void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int from, int length) {
        rest.write(bytes, from, length);
        byte[] all = rest.toByteArray();
        int whole = wholeCharacters(all);
        if (whole > 0) {
            rest.reset();
            rest.write(all, whole, all.length - whole);
            sink.accept(new String(all, 0, whole, UTF_8));
        }
    }

    /** Length of the longest prefix that does not end inside a character. */
    private static int wholeCharacters(byte[] bytes) {
        for (int back = 1; back <= Math.min(3, bytes.length); back++) {
            int b = bytes[bytes.length - back] & 0xff;
            if (b < 0x80) {
                return bytes.length;
            }
            if (b >= 0xc0) {
                int needed = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
                return needed > back ? bytes.length - back : bytes.length;
            }
        }
        return bytes.length;
    }
}
