package org.skipgpt.tokens;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Gathers UTF-8 bytes, which tokens may cut anywhere, and reads them as text at the end. */
public final class ByteSink {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    void add(byte b) {
        bytes.write(b);
    }

    void add(String text) {
        bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The text; a byte that is no UTF-8 shows as U+FFFD. */
    public String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
