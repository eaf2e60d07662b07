package org.skipgpt.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.LongConsumer;

/**
 * A file of any size, mapped read-only.
 *
 * <p>One mapping holds at most 2^31-1 bytes. Windows of that length start at every gigabyte, so any piece of up to a
 * gigabyte lies inside one window, and a longer one is mapped by itself.
 */
final class MappedFile {
    private static final long STRIDE = 1L << 30;

    private final Path path;
    private final FileState state;
    private final long size;
    // there where pieces are read instead of mapped
    private final Optional<FileReads> reads;
    // emptied on close; the pages go when the garbage collector finds the last view of them
    private volatile List<MappedByteBuffer> windows;

    private MappedFile(Path path, FileState state, List<MappedByteBuffer> windows, Optional<FileReads> reads) {
        this.path = path;
        this.state = state;
        this.size = state.size();
        this.windows = windows;
        this.reads = reads;
    }

    static MappedFile open(Path path) {
        if (Files.isDirectory(path)) {
            throw new CheckpointException("Path " + path + " is a folder; a file is needed. Name the file inside it.");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            FileState state = FileState.of(path);
            long size = state.size();
            List<MappedByteBuffer> windows = new ArrayList<>();
            for (long start = 0; start < size; start += STRIDE) {
                windows.add(
                        channel.map(FileChannel.MapMode.READ_ONLY, start, Math.min(Integer.MAX_VALUE, size - start)));
            }
            return new MappedFile(path, state, windows, Optional.empty());
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    /**
     * The same file, its pieces read into memory of their own: each holds until its thread asked for two more.
     *
     * @param counted is told how many bytes each read took
     */
    MappedFile reading(LongConsumer counted) {
        checkUnchanged();
        return new MappedFile(path, state, List.of(), Optional.of(FileReads.open(path, size, counted)));
    }

    /**
     * Looks whether the file is what it was when it was opened.
     *
     * @throws CheckpointException if it has another size or was written since
     */
    void checkUnchanged() {
        try {
            FileState now = FileState.of(path);
            if (!now.equals(state)) {
                throw new CheckpointException("File " + path + " changed while it was open: it had " + state
                        + " and has " + now + " now. Load the model again.");
            }
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    Path path() {
        return path;
    }

    long size() {
        return size;
    }

    /** A read-only little-endian view of the file's bytes {@code from .. from+length-1}. */
    ByteBuffer slice(long from, int length) {
        if (from < 0 || length < 0 || from > size - length) {
            throw new CheckpointException("File " + path + " has " + size + " bytes; " + length + " bytes at " + from
                    + " are not inside it. The file is damaged: fetch or write it again.");
        }
        if (reads.isPresent()) {
            return reads.get().piece(from, length);
        }
        List<MappedByteBuffer> open = windows;
        if (open.isEmpty() && size > 0) {
            throw new IllegalStateException("File " + path + " was closed; open it again.");
        }
        if (length == 0) {
            return ByteBuffer.allocate(0).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
        }
        MappedByteBuffer window = open.get((int) (from / STRIDE));
        int start = (int) (from % STRIDE);
        ByteBuffer view = length <= window.capacity() - start ? window.slice(start, length) : mapAlone(from, length);
        return view.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private ByteBuffer mapAlone(long from, int length) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() != size) {
                throw new CheckpointException("File " + path + " changed while it was open: it had " + size
                        + " bytes and has " + channel.size() + " now. Open it again.");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, from, length);
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    void close() {
        windows = List.of();
        reads.ifPresent(FileReads::close);
    }

    /** What to throw for a failed read: stopping is not a fault of the file. */
    static RuntimeException failure(Path path, IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return new CancellationException("Reading " + path + " was stopped by an interruption.");
        }
        if (e instanceof NoSuchFileException) {
            return new CheckpointException(
                    "File " + path.toAbsolutePath() + " does not exist; check the path, or download the model.", e);
        }
        return new CheckpointException(
                "File " + path + " cannot be read: " + e + ". Check its rights and the disk.", e);
    }
}
