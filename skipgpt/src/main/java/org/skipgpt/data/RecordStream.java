package org.skipgpt.data;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A stream that breaks off where one record goes on for longer than its budget. */
final class RecordStream extends FilterInputStream {
    private long left = DataLimits.RECORD;

    RecordStream(InputStream in) {
        super(in);
    }

    /** A new record begins: the budget is whole again. */
    void begin() {
        left = DataLimits.RECORD;
    }

    @Override
    public int read() throws IOException {
        int one = super.read();
        count(one < 0 ? 0 : 1);
        return one;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
        int read = super.read(into, from, length);
        count(read);
        return read;
    }

    private void count(int read) throws IOException {
        left -= Math.max(0, read);
        if (left < 0) {
            throw new IOException("one record has more than " + DataLimits.RECORD + " bytes");
        }
    }
}
