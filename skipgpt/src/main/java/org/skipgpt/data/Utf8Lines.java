package org.skipgpt.data;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Lines of a stream, one in memory at a time; a line that is no UTF-8 or longer than {@link DataLimits#RECORD} bytes is reported
 * and left out.
 *
 * <p>A damaged end (a cut gzip or zstd file) is reported too, and ends the lines.
 */
final class Utf8Lines implements Closeable {
    private final String file;
    private final InputStream in;
    private final Consumer<DataFault> faults;
    private final byte[] buffer = new byte[1 << 16];
    private int at;
    private int filled;
    private long line;
    private boolean ended;

    Utf8Lines(String file, InputStream in, Consumer<DataFault> faults) {
        this.file = file;
        this.in = in;
        this.faults = faults;
    }

    /** The number of the line given last, from 1. */
    long line() {
        return line;
    }

    /** The next good line without its end; empty after the last. */
    Optional<String> next() {
        while (!ended) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
            long length = gather(bytes);
            if (length < 0) {
                break;
            }
            line++;
            if (length > DataLimits.RECORD) {
                faults.accept(new DataFault(file, line, "line of " + length + " bytes; allowed " + DataLimits.RECORD));
                continue;
            }
            try {
                String text = StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes.toByteArray()))
                        .toString();
                return Optional.of(trimmed(text));
            } catch (CharacterCodingException e) {
                faults.accept(new DataFault(file, line, "not UTF-8: " + e.getMessage()));
            }
        }
        return Optional.empty();
    }

    private String trimmed(String text) {
        String plain = text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
        return line == 1 && plain.startsWith("\uFEFF") ? plain.substring(1) : plain;
    }

    // Bytes up to the line's end, of which no more are kept than the budget; -1 at the end of the stream.
    private long gather(ByteArrayOutputStream bytes) {
        long length = -1;
        while (true) {
            if (at == filled && !refill()) {
                return length;
            }
            length = Math.max(length, 0);
            int end = at;
            while (end < filled && buffer[end] != '\n') {
                end++;
            }
            if (length + end - at <= DataLimits.RECORD) {
                bytes.write(buffer, at, end - at);
            }
            length += end - at;
            boolean complete = end < filled;
            at = complete ? end + 1 : end;
            if (complete) {
                return length;
            }
        }
    }

    private boolean refill() {
        try {
            filled = Math.max(0, in.read(buffer));
        } catch (IOException e) {
            faults.accept(new DataFault(file, line + 1, "the file breaks off here: " + e.getMessage()));
            filled = 0;
        }
        at = 0;
        ended = filled == 0;
        return !ended;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
