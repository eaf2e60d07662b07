package org.skipgpt.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** One piece of work that this process has to itself, until it is closed. */
public final class Claim implements AutoCloseable {
    private final Path file;
    private final ClaimOwner owner;
    private final FileChannel channel;
    private long count;

    private Claim(Path file, ClaimOwner owner, FileChannel channel) {
        this.file = file;
        this.owner = owner;
        this.channel = channel;
    }

    /** Makes the file; empty where it is there already. */
    static Optional<Claim> begin(Path file) {
        FileChannel channel;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (FileAlreadyExistsException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
        try {
            Claim claim = new Claim(file, ClaimOwner.here(), channel);
            claim.write();
            return Optional.of(claim);
        } catch (IOException e) { // the disk is full, or the thread was interrupted
            try (channel) {
                Files.deleteIfExists(file);
            } catch (IOException second) {
                e.addSuppressed(second);
            }
            throw AtomicFile.failure(file, e);
        }
    }

    /**
     * Shows that the owner lives.
     *
     * <p>It writes into the file that it made and not to the file's name, which may be another owner's by now.
     */
    synchronized void beat() {
        try {
            if (channel.isOpen()) {
                count++;
                write();
            }
        } catch (IOException e) {
            // A beat that fails costs at most that another makes the same: the next beat tries again.
            return;
        }
    }

    boolean isClosed() {
        return !channel.isOpen();
    }

    private void write() throws IOException {
        String text = owner.line() + String.format(Locale.ROOT, "%012d%n", count);
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        for (long at = 0; bytes.hasRemaining(); ) {
            at += channel.write(bytes, at);
        }
    }

    /** Whether the claim is still this one's: false where another took it because it seemed left behind. */
    public synchronized boolean isHeld() {
        try {
            byte[] own = owner.line().getBytes(StandardCharsets.UTF_8);
            byte[] found = Files.readAllBytes(file);
            return channel.isOpen()
                    && found.length >= own.length
                    && Arrays.equals(own, Arrays.copyOf(found, own.length));
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    /** Gives the work up, whether or not it was done. */
    @Override
    public synchronized void close() {
        try {
            if (isHeld()) {
                Files.deleteIfExists(file);
            }
            channel.close();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }
}
