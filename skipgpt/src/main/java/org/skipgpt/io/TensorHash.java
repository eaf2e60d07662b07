package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

/**
 * The identity of weights: a SHA-256 sum that is fed piece by piece.
 *
 * <pre>{@code
 * String hash = TensorHash.of(folder.tensors(), ProgressObserver.silent());
 * }</pre>
 */
public final class TensorHash {
    private static final int PIECE = 1 << 22;

    private final MessageDigest digest = Sha256.digest();

    /** Takes the next bytes; all remaining ones. */
    public TensorHash update(ByteBuffer bytes) {
        digest.update(bytes);
        return this;
    }

    /** Takes a text as UTF-8. */
    public TensorHash update(String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        return this;
    }

    /** The sum as 64 small hexadecimal digits; feeding may begin anew afterwards. */
    public String hex() {
        return HexFormat.of().formatHex(digest.digest());
    }

    /**
     * The identity of some weights: the sum over the tensors in order of name, for each its name, format and shape
     * as text and then its bytes.
     *
     * <p>It depends neither on how the tensors are spread over files nor on file metadata.
     *
     * @param observer hears how many bytes are done
     * @throws CancellationException if the thread is interrupted; it stays interrupted
     */
    public static String of(TensorSource tensors, ProgressObserver observer) {
        long total = tensors.names().stream()
                .mapToLong(name -> tensors.info(name).byteSize())
                .sum();
        Meter meter = new Meter("hashing weights", total, observer);
        TensorHash sum = new TensorHash();
        for (String name : new TreeSet<>(tensors.names())) {
            TensorInfo info = tensors.info(name);
            sum.update(name + " " + info.format() + " " + Arrays.toString(info.shape()) + "\n");
            for (long at = 0, bytes = info.byteSize(); at < bytes; at += PIECE) {
                int length = (int) Math.min(PIECE, bytes - at);
                sum.update(tensors.bytes(name, at, length));
                meter.add(length);
            }
        }
        return sum.hex();
    }
}
