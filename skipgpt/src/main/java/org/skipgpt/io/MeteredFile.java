package org.skipgpt.io;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file as the body of a request, which says how far it is. */
record MeteredFile(Path file, Meter meter) {
    /** With the file's length, since a store takes no body without one. */
    BodyPublisher publisher() throws IOException {
        BodyPublisher stream = BodyPublishers.ofInputStream(this::open);
        return BodyPublishers.fromPublisher(stream, Files.size(file));
    }

    private InputStream open() {
        try {
            return new FilterInputStream(Files.newInputStream(file)) {
                @Override
                public int read(byte[] bytes, int offset, int length) throws IOException {
                    int n = super.read(bytes, offset, length);
                    meter.add(Math.max(0, n));
                    return n;
                }
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
