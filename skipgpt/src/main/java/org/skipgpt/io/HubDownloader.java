package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Set;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.WholeFile;

/**
 * Downloads files of one model into the cache: resumes, checks sums, tries again with growing pauses.
 *
 * <p>Bytes go to {@code blobs/<sum>.incomplete}; only a file of the right length and sum loses that ending and gets a
 * name in {@code snapshots}.
 */
final class HubDownloader {
    private static final int PIECE = 1 << 16;
    private static final int MAX_LISTING = 20_000_000;

    private final HubClient client;
    private final Path folder;
    private final String model;
    private final ProgressObserver observer;

    /** A model's files at one commit. */
    record Listing(String commit, Set<String> files) {}

    private record Remote(String etag, long size) {}

    HubDownloader(HubClient client, Path folder, String model, ProgressObserver observer) {
        this.client = client;
        this.folder = folder;
        this.model = model;
        this.observer = observer;
    }

    /** Which files a revision has. */
    Listing list(String revision) {
        String what = "the list of files (" + revision + ")";
        String text = retrying(what, () -> {
            HttpResponse<InputStream> response =
                    client.get("/api/models/" + model + "/revision/" + revision.replace("/", "%2F"), 0);
            try (InputStream body = response.body()) {
                client.check(response, model, what);
                return new String(body.readNBytes(MAX_LISTING), StandardCharsets.UTF_8);
            }
        });
        JsonObject json = Json.object(text, "The hub's answer for " + model);
        if (!(json.get("sha") instanceof JsonPrimitive sha)
                || !sha.getAsString().matches("[0-9a-f]{40,64}")
                || !(json.get("siblings") instanceof JsonArray siblings)) {
            throw new CheckpointException("The hub's answer for " + model
                    + " has no commit or no list of files. Check that HF_ENDPOINT names a Hugging Face hub.");
        }
        Set<String> files = new LinkedHashSet<>();
        for (JsonElement file : siblings) {
            if (file instanceof JsonObject object && object.get("rfilename") instanceof JsonPrimitive name) {
                files.add(name.getAsString());
            }
        }
        return new Listing(sha.getAsString(), files);
    }

    /** Brings one file, a name that this library knows, into the snapshot of a commit unless it is there. */
    void fetch(String commit, String name) {
        Path place = folder.resolve("snapshots").resolve(commit).resolve(name);
        if (Files.isRegularFile(place)) {
            return;
        }
        String path = "/" + model + "/resolve/" + commit + "/" + name;
        Remote remote = retrying(name, () -> remote(path, name));
        Path blob = folder.resolve("blobs").resolve(remote.etag);
        try {
            Files.createDirectories(folder.resolve("blobs"));
            Files.createDirectories(place.resolveSibling("").normalize());
        } catch (IOException e) {
            throw AtomicFile.failure(blob, e);
        }
        if (!Files.isRegularFile(blob)) {
            retrying(name, () -> download(path, name, remote, blob));
        }
        link(place, blob);
    }

    private Remote remote(String path, String name) throws IOException {
        HttpResponse<InputStream> response = client.head(path);
        response.body().close();
        client.check(response, model, name);
        HttpHeaders headers = response.headers();
        String etag = headers.firstValue("X-Linked-Etag")
                .or(() -> headers.firstValue("ETag"))
                .orElse("")
                .replaceAll("^(W/)?\"|\"$", "");
        long size = headers.firstValueAsLong("X-Linked-Size")
                .orElseGet(() -> headers.firstValueAsLong("Content-Length").orElse(-1));
        if (!etag.matches("[0-9a-f]{40}|[0-9a-f]{64}") || size < 0) {
            throw new CheckpointException("The hub gives no sum or no length for " + name + " of " + model
                    + ", so it cannot be checked. Check that HF_ENDPOINT names a Hugging Face hub.");
        }
        return new Remote(etag, size);
    }

    private Path download(String path, String name, Remote remote, Path blob) throws IOException {
        Path part = blob.resolveSibling(remote.etag + ".incomplete");
        try (FileChannel out =
                FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            lock(out, name);
            if (out.size() > remote.size) {
                out.truncate(0);
            }
            if (out.size() < remote.size) {
                receive(path, name, remote, out);
            }
            if (out.size() < remote.size) {
                throw new IOException("the connection ended after " + out.size() + " of " + remote.size + " bytes");
            }
            if (!sum(out, remote).equals(remote.etag)) {
                out.truncate(0);
                throw new IOException("its sum is not " + remote.etag);
            }
            out.force(true);
        }
        WholeFile.move(part, blob);
        return blob;
    }

    /** One download of a file at a time; the lock goes when the channel is closed. */
    private void lock(FileChannel out, String name) throws IOException {
        if (FolderLock.take(out).isEmpty()) {
            throw new CheckpointException(
                    "Another download of " + name + " of " + model + " is running. Wait for it, then load again.");
        }
    }

    private void receive(String path, String name, Remote remote, FileChannel out) throws IOException {
        HttpResponse<InputStream> response = client.get(path, out.size());
        try (InputStream body = response.body()) {
            if (response.statusCode() == 416) {
                out.truncate(0);
                throw new IOException("the hub cannot resume it");
            }
            client.check(response, model, name);
            if (response.statusCode() != 206) {
                out.truncate(0); // the whole file comes
            }
            out.position(out.size());
            Meter meter = new Meter("downloading " + name, out.size(), remote.size, observer);
            byte[] piece = new byte[PIECE];
            while (true) {
                int n = body.read(piece);
                if (n < 0) {
                    break;
                }
                if (out.size() + n > remote.size) {
                    out.truncate(0);
                    throw new IOException("more than its " + remote.size + " bytes came");
                }
                ByteBuffer bytes = ByteBuffer.wrap(piece, 0, n);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
                meter.add(n);
            }
        }
    }

    /** SHA-256 for large files; for small ones the SHA-1 that git gives a blob. */
    private static String sum(FileChannel in, Remote remote) throws IOException {
        boolean large = remote.etag.length() == 64;
        MessageDigest digest = large ? Sha256.digest() : sha1();
        if (!large) {
            digest.update(("blob " + remote.size + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        ByteBuffer piece = ByteBuffer.allocate(1 << 20);
        in.position(0);
        while (in.read(piece.clear()) >= 0) {
            digest.update(piece.flip());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha1() {
        try {
            return MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1", e);
        }
    }

    /** A link into the blobs, or a copy where the disk has no links. */
    private static void link(Path place, Path blob) {
        try {
            // Another process may be reading what lies there, so it is never gone.
            Path whole = WholeFile.temporary(place);
            Files.createSymbolicLink(whole, place.resolveSibling("").normalize().relativize(blob));
            WholeFile.move(whole, place);
        } catch (IOException | UnsupportedOperationException e) {
            AtomicFile.copy(blob, place);
        }
    }

    private <T> T retrying(String what, Retry.Attempt<T> attempt) {
        try {
            return Retry.run(what, attempt);
        } catch (IOException e) {
            String failed = "Could not download " + what + " of " + model + " in " + Retry.ATTEMPTS + " attempts: ";
            if (isUnreachable(e)) {
                // The message says it all; the client's own trace is long and names nothing.
                throw new CheckpointException(failed + client.endpoint().getHost()
                        + " was not found, or takes no connection: is there a network? Check it and HF_ENDPOINT; or set"
                        + " HF_HUB_OFFLINE=1 to use what the cache has, or load a local folder.");
            }
            throw new CheckpointException(
                    failed + Objects.requireNonNullElse(e.getMessage(), e.toString())
                            + ". What came is kept; check the network and HF_ENDPOINT, then load again.",
                    e);
        }
    }

    private static boolean isUnreachable(Throwable e) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            if (at instanceof ConnectException
                    || at instanceof UnresolvedAddressException
                    || at instanceof UnknownHostException) {
                return true;
            }
        }
        return false;
    }
}
