package org.skipgpt.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import org.skipgpt.io.BodyStream;
import org.skipgpt.io.FolderLock;
import org.skipgpt.io.Retry;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.WholeFile;

/**
 * One download: into {@code <file>.part}, which one thread or process at a time writes, resumed where it broke off, checked,
 * then moved.
 *
 * <p>A part is resumed only if the server's strong ETag, kept beside it, still holds; else it starts again.
 */
final class FileDownload {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final DataFile file;
    private final URI url;
    private final Path target;
    private final Path part;
    private final Path tag;
    private final String task;
    private final ProgressObserver observer;
    private final long started = System.nanoTime();
    private final HttpClient client = HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(30))
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build();

    FileDownload(DataFile file, Path target, String task, ProgressObserver observer) {
        this.file = file;
        this.url = file.url().orElseThrow(() -> new IllegalArgumentException("no url for " + file.path()));
        this.target = target;
        this.task = task;
        this.observer = observer;
        part = target.resolveSibling(target.getFileName() + ".part");
        tag = target.resolveSibling(target.getFileName() + ".part.etag");
    }

    /** Whether a place may be downloaded from: https, or this machine. */
    static boolean isAllowed(URI url) {
        boolean own = "127.0.0.1".equals(url.getHost()) || "localhost".equals(url.getHost());
        return url.getHost() != null && ("https".equals(url.getScheme()) || ("http".equals(url.getScheme()) && own));
    }

    void run() {
        if (!isAllowed(url)) {
            throw new DataException("downloads come over https only; given was " + url);
        }
        try {
            Files.createDirectories(target.toAbsolutePath().getParent());
            Retry.run(task, this::attempt);
        } catch (CancellationException e) {
            throw new DataException("download of " + url + " was stopped; what came is kept, call again to go on", e);
        } catch (IOException e) {
            throw new DataException(
                    url + " could not be downloaded to " + target + " in " + Retry.ATTEMPTS + " tries: "
                            + e.getMessage() + "; what came is kept, call again to go on",
                    e);
        }
    }

    // Returns when the whole file is here.
    private boolean attempt() throws IOException {
        try (FileChannel out = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (FolderLock.take(out).isEmpty()) {
                throw new DataException(
                        "another download of " + url + " to " + target + " is running; wait for it, then call again");
            }
            if (Files.exists(target)) {
                // the other download has come to its end since this one was wanted
                Files.deleteIfExists(part);
                check(target, file, Sha256::of);
                return true;
            }
            try {
                receive(out);
            } catch (IOException | RuntimeException e) {
                removeEmpty();
                throw e;
            }
            finish();
            return true;
        }
    }

    // Only by who has the lock: an empty part may be another download's, just begun.
    private void removeEmpty() throws IOException {
        if (Files.exists(part) && Files.size(part) == 0) {
            Files.delete(part);
        }
    }

    private void receive(FileChannel out) throws IOException {
        long have = Files.exists(tag) ? out.size() : 0;
        HttpRequest.Builder request = HttpRequest.newBuilder(url).timeout(PATIENCE);
        if (have > 0) {
            request.header("Range", "bytes=" + have + "-").header("If-Range", Files.readString(tag));
        }
        HttpResponse<InputStream> response = send(request.build());
        try (InputStream body = response.body()) {
            int status = response.statusCode();
            if (status == 200 || status == 206) {
                receive(response, body, have, out);
                return;
            }
            if (status == 416) {
                out.truncate(0);
                throw new IOException("the kept part did not fit");
            }
            Retry.checkBusy("the server", response);
            String reason = status == 401 || status == 403
                    ? "; it asks for an account: download it by hand and set SKIPGPT_DATA"
                    : status == 404 ? "; it has moved: look at the data set's page" : "";
            throw new DataException(url + " cannot be downloaded: the server answered " + status + reason);
        }
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            return client.send(request, BodyStream.handler(PATIENCE));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while asking");
        }
    }

    private void receive(HttpResponse<InputStream> response, InputStream body, long have, FileChannel out)
            throws IOException {
        boolean resumed = response.statusCode() == 206;
        String range = response.headers().firstValue("Content-Range").orElse("");
        if (resumed && !range.startsWith("bytes " + have + "-")) {
            out.truncate(0);
            throw new IOException("the server resumed at another place: " + range);
        }
        refuseEndless(response);
        long from = resumed ? have : 0;
        if (!resumed) {
            out.truncate(0);
            Files.deleteIfExists(tag);
            String etag = response.headers().firstValue("ETag").orElse("");
            if (etag.startsWith("\"")) {
                WholeFile.write(tag, etag);
            }
        }
        long length = response.headers().firstValueAsLong("Content-Length").orElse(-1);
        long total = length < 0 ? file.bytes().orElse(0) : from + length;
        long done = from;
        byte[] buffer = new byte[1 << 16];
        out.position(from);
        for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
            ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            done += read;
            double seconds = (System.nanoTime() - started) / 1e9;
            observer.progress(new Progress(task, done, total, "bytes", seconds, "").withEarlier(from));
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedIOException("interrupted");
            }
        }
        if (done < total) {
            throw new IOException("the connection broke off at byte " + done + " of " + total);
        }
    }

    // Without a length, parts that are counted, or anything known of the file, a body cut off looks whole.
    private void refuseEndless(HttpResponse<InputStream> response) {
        boolean counted = response.version() == HttpClient.Version.HTTP_2
                || response.headers().firstValueAsLong("Content-Length").isPresent()
                || response.headers()
                        .firstValue("Transfer-Encoding")
                        .filter("chunked"::equalsIgnoreCase)
                        .isPresent();
        if (!counted && file.bytes().isEmpty() && file.sha256().isEmpty()) {
            throw new DataException(
                    url + " does not say how long it is, and neither size nor sha256 is known here, so a"
                            + " broken connection would go unseen: give the data file its size or sha256");
        }
    }

    private void finish() throws IOException {
        try {
            check(part, file, Sha256::of);
        } catch (DataException e) {
            Files.deleteIfExists(part);
            throw e;
        } catch (UncheckedIOException e) {
            // another download that failed has taken the part away, since it was opened before the lock was there
            throw Objects.requireNonNull(e.getCause(), "what could not be read");
        } finally {
            Files.deleteIfExists(tag);
        }
        WholeFile.move(part, target);
    }

    /** Compares a file with what is known of it. */
    static void check(Path found, DataFile known, Function<Path, String> fingerprint) {
        try {
            long size = Files.size(found);
            if (known.bytes().isPresent() && known.bytes().getAsLong() != size) {
                throw new DataException(found + " has " + size + " bytes; expected "
                        + known.bytes().getAsLong() + "; delete it and fetch it again");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (known.sha256().isPresent()) {
            String hash = fingerprint.apply(found);
            if (!hash.equals(known.sha256().get())) {
                throw new DataException(found + " has sha256 " + hash + "; expected "
                        + known.sha256().get() + "; delete it and fetch it again");
            }
        }
    }
}
