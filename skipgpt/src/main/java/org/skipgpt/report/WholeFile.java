package org.skipgpt.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/** Writes files that are there whole or not at all: to a temporary name beside them, then moved. */
public final class WholeFile {
    private WholeFile() {}

    /** Writes a file in UTF-8, making its folder where it is missing. */
    public static void write(Path file, String text) {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes a file, making its folder where it is missing; an existing file is replaced at once.
     *
     * @throws UncheckedIOException if the folder cannot be written to; nothing half-written stays behind
     */
    public static void write(Path file, byte[] bytes) {
        Path target = file.toAbsolutePath();
        Path folder = target.getParent();
        if (folder == null) {
            throw new IllegalArgumentException(file + " is no file name; give a name inside a folder");
        }
        try {
            Files.createDirectories(folder);
            Path temporary = temporary(target);
            try {
                Files.write(temporary, bytes);
                move(temporary, target);
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * A hidden name beside a file, for what is not whole yet.
     *
     * <p>A temporary file of the JDK would be readable by its owner only, and so would the result.
     */
    public static Path temporary(Path file) {
        return file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    }

    /** Moves a file or folder into place at once, where the disk can; an existing file is replaced. */
    public static void move(Path temporary, Path target) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
