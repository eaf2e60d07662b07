package org.skipgpt.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.LongConsumer;

/**
 * Pieces of a file that are read when they are asked for.
 *
 * <p>A mapped file that lost bytes ends the process where a kernel touches the missing page, and its pages count as this process's
 * memory; a read of too few bytes is an error, and what was read lies in two buffers a thread, whatever the size of the file.
 */
final class FileReads {
    private static final int LEAST = 4 << 20;
    private static final ThreadLocal<Buffers> BUFFERS = ThreadLocal.withInitial(Buffers::new);

    private final Path path;
    private final FileChannel channel;
    private final long size;
    private final LongConsumer counted;

    private FileReads(Path path, FileChannel channel, long size, LongConsumer counted) {
        this.path = path;
        this.channel = channel;
        this.size = size;
        this.counted = counted;
    }

    static FileReads open(Path path, long size, LongConsumer counted) {
        try {
            return new FileReads(path, FileChannel.open(path, StandardOpenOption.READ), size, counted);
        } catch (IOException e) {
            throw MappedFile.failure(path, e);
        }
    }

    /** The bytes from..from+length-1, in the buffer that this thread used least lately. */
    ByteBuffer piece(long from, int length) {
        ByteBuffer buffer = BUFFERS.get().next(length);
        try {
            while (buffer.hasRemaining()) {
                int count = channel.read(buffer, from + buffer.position());
                if (count < 0) {
                    throw new CheckpointException("File " + path + " changed while it was open: it had " + size
                            + " bytes and ends before byte " + (from + length)
                            + " now. Write or fetch it again, and load the model again.");
                }
            }
        } catch (ClosedChannelException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw MappedFile.failure(path, e);
            }
            throw new IllegalStateException("File " + path + " was closed; open it again.", e);
        } catch (IOException e) {
            throw MappedFile.failure(path, e);
        }
        counted.accept(length);
        return buffer.flip().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw MappedFile.failure(path, e);
        }
    }

    /** Two buffers in turns, as values that come in groups are read beside the scales of their groups. */
    private static final class Buffers {
        private final ByteBuffer[] both = {ByteBuffer.allocateDirect(LEAST), ByteBuffer.allocateDirect(LEAST)};
        private int turn;

        ByteBuffer next(int length) {
            turn = 1 - turn;
            if (both[turn].capacity() < length) {
                both[turn] = ByteBuffer.allocateDirect(length);
            }
            return both[turn].clear().limit(length);
        }
    }
}
