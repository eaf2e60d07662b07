package org.skipgpt.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.skipgpt.report.WholeFile;

/**
 * A file that appears under its name only when it is complete.
 *
 * <p>Bytes go to a temporary name in the same folder; {@link #commit} makes them durable and moves them into place;
 * closing without it throws them away.
 *
 * <pre>{@code
 * AtomicFile.write(folder.resolve("config.json"), json);
 * }</pre>
 */
public final class AtomicFile implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;

    private AtomicFile(Path target, Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
    }

    /**
     * Begins a file whose folder exists.
     *
     * @throws CheckpointException if the folder is missing or cannot be written to
     */
    public static AtomicFile begin(Path target) {
        Path temporary = WholeFile.temporary(target);
        try {
            FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            return new AtomicFile(target, temporary, channel);
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** Writes a whole file of UTF-8 text. */
    public static void write(Path target, String text) {
        write(target, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Writes a whole file. */
    public static void write(Path target, ByteBuffer bytes) {
        try (AtomicFile file = begin(target)) {
            while (bytes.hasRemaining()) {
                file.channel.write(bytes);
            }
            file.commit();
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** Copies a file. */
    public static void copy(Path source, Path target) {
        try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ);
                AtomicFile file = begin(target)) {
            long size = in.size();
            for (long at = 0; at < size; ) {
                at += in.transferTo(at, size - at, file.channel);
            }
            file.commit();
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** Where bytes are written. */
    public FileChannel channel() {
        return channel;
    }

    /** The name the file will have. */
    public Path target() {
        return target;
    }

    /** Makes the bytes durable and moves the file into place. */
    public void commit() {
        try {
            channel.force(true);
            channel.close();
            WholeFile.move(temporary, target);
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /**
     * As {@link #commit}, but a file that another writer has put there meanwhile stays.
     *
     * @throws CheckpointException if there is one
     */
    public void commitNew() {
        try {
            channel.force(true);
            channel.close();
            WholeFile.moveNew(temporary, target);
        } catch (FileAlreadyExistsException e) {
            throw new CheckpointException(
                    "File " + target + " was written by another meanwhile and is not written over; name a new file.");
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /** Throws away what was written unless it was committed. */
    @Override
    public void close() {
        try {
            channel.close();
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            throw failure(target, e);
        }
    }

    /**
     * Makes a folder and those above it, where they are missing.
     *
     * @param made the folder
     * @param shown what to call it in messages: the final name of one that is moved into place later
     * @throws CheckpointException if it cannot be made; the message names what is in the way
     */
    public static void makeFolder(Path made, Path shown) {
        if (shown.toString().isBlank()) {
            throw new CheckpointException("\"" + shown + "\" is no name of a folder; give one, e.g. work/first.");
        }
        try {
            Files.createDirectories(made);
        } catch (IOException e) {
            throw failure(shown, e);
        }
    }

    /** What to throw where a file or folder cannot be written: says which part of its path is in the way. */
    public static RuntimeException failure(Path target, IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return new CancellationException("Writing " + target + " was stopped by an interruption.");
        }
        return new CheckpointException(target + " cannot be written: " + reason(target, e), e);
    }

    private static String reason(Path target, IOException e) {
        Path whole = target.toAbsolutePath().normalize();
        Path there = whole;
        while (there.getParent() != null && !Files.exists(there)) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there) && (!there.equals(whole) || e instanceof FileAlreadyExistsException)) {
            return there + " is a file, not a folder. Name another place.";
        }
        boolean isFull = e instanceof DirectoryNotEmptyException
                || (e instanceof FileSystemException moved && moved.getOtherFile() != null);
        if (isFull && Files.isDirectory(whole)) {
            return "another writer has made a folder of that name meanwhile, which is not written over. Name another.";
        }
        if (e instanceof NoSuchFileException missing && !Files.exists(beside(missing))) {
            return "its folder does not exist. Make the folder first.";
        }
        if (e instanceof NoSuchFileException || e instanceof AccessDeniedException) {
            return "nothing can be made in " + beside((FileSystemException) e)
                    + ". Name a folder of your own, or change its rights.";
        }
        return e + ". Check the rights and the free space.";
    }

    private static Path beside(FileSystemException e) {
        Path failed = Path.of(Objects.requireNonNullElse(e.getFile(), "")).toAbsolutePath();
        return Objects.requireNonNullElse(failed.getParent(), failed);
    }
}
