package org.skipgpt.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * Whole small files, up to a stated number of bytes: a longer one is refused before memory is taken for it.
 *
 * <pre>{@code
 * String merges = BoundedFile.text(folder.resolve("merges.txt"), BoundedFile.MOST_BYTES, DataException::new);
 * }</pre>
 */
public final class BoundedFile {
    /** The most that is read of a file which is held whole, in bytes: the largest tokenizers have 35 megabytes. */
    public static final int MOST_BYTES = 100_000_000;

    private BoundedFile() {}

    /**
     * All bytes of a file.
     *
     * @param most the most bytes it may have
     * @param fault makes the exception of every fault
     */
    public static byte[] bytes(Path path, int most, Function<String, ? extends RuntimeException> fault) {
        try {
            long size = Files.size(path);
            if (size > most) {
                throw tooLong(path, size + " bytes", most, fault);
            }
            // A pipe or a file that grows has no size that could be trusted.
            try (InputStream in = Files.newInputStream(path)) {
                byte[] bytes = in.readNBytes(most);
                if (in.read() >= 0) {
                    throw tooLong(path, "more than " + most + " bytes", most, fault);
                }
                return bytes;
            }
        } catch (IOException e) {
            RuntimeException failure = MappedFile.failure(path, e);
            throw failure instanceof CheckpointException ? caused(fault.apply(failure.getMessage()), e) : failure;
        }
    }

    /** All of a file that is UTF-8 text; as {@link #bytes}. */
    public static String text(Path path, int most, Function<String, ? extends RuntimeException> fault) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes(path, most, fault)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw caused(fault.apply("File " + path + " is not UTF-8 text; fetch or write it again."), e);
        }
    }

    private static RuntimeException tooLong(
            Path path, String size, int most, Function<String, ? extends RuntimeException> fault) {
        return fault.apply("File " + path + " has " + size + "; up to " + most + " are read of such a file."
                + " Check that it is the right file.");
    }

    static RuntimeException caused(RuntimeException fault, Throwable cause) {
        fault.initCause(cause);
        return fault;
    }
}
