package org.skipgpt.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * A folder that one writer at a time has to itself, among all threads and processes of the machine.
 *
 * <p>The lock is one of the operating system's on the file {@code .lock}, so it ends with the process, however that ends; the
 * empty file stays.
 *
 * <pre>{@code
 * try (FolderLock lock = FolderLock.of(folder, "training")) { ... }
 * }</pre>
 */
public final class FolderLock implements AutoCloseable {
    /** The file that is locked; it stays afterwards. */
    public static final String NAME = ".lock";

    private final Path folder;
    private final FileChannel channel;

    private FolderLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Takes a folder, making it where it is missing.
     *
     * @param what is done in it, for messages: {@code training}
     * @throws FolderBusyException if another writer has it
     * @throws CheckpointException if it cannot be written to
     */
    public static FolderLock of(Path folder, String what) {
        AtomicFile.makeFolder(folder, folder);
        Path file = folder.resolve(NAME);
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (take(channel).isEmpty()) {
                channel.close();
                throw new FolderBusyException(folder, what);
            }
            return new FolderLock(folder, channel);
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /**
     * A file's lock; empty where another thread or process has it. It ends when the channel is closed.
     *
     * <p>It is on a byte behind all others: some systems let nobody read what is locked.
     */
    public static Optional<FileLock> take(FileChannel channel) throws IOException {
        try {
            return Optional.ofNullable(channel.tryLock(Long.MAX_VALUE - 1, 1, false));
        } catch (OverlappingFileLockException e) { // this process has it itself
            return Optional.empty();
        }
    }

    /** Gives the folder back. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw AtomicFile.failure(folder.resolve(NAME), e);
        }
    }
}
