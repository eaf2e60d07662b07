package org.skipgpt.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.stream.Stream;

/** Writes files that are there whole or not at all: to a temporary name beside them, then moved. */
public final class WholeFile {
    private static final Duration KEPT = Duration.ofDays(1);
    private static final String ENDING = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.tmp";

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
     * A hidden name beside a file, for what is not whole yet; what writers of the same file that were killed a day ago or
     * earlier left under such names is swept away.
     *
     * <p>A temporary file of the JDK would be readable by its owner only, and so would the result.
     */
    public static Path temporary(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null && Files.isDirectory(folder)) {
            sweep(folder, "." + file.getFileName() + ".", Instant.now().minus(KEPT));
        }
        return file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    }

    private static void sweep(Path folder, String beginning, Instant before) {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path old : files.filter(file -> {
                        String name = String.valueOf(file.getFileName());
                        return name.startsWith(beginning)
                                && name.substring(beginning.length()).matches(ENDING);
                    })
                    .toList()) {
                if (Files.getLastModifiedTime(old).toInstant().isBefore(before)) {
                    remove(old);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            return; // what cannot be swept stays, and the file is written all the same
        }
    }

    private static void remove(Path old) throws IOException {
        if (Files.isDirectory(old, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> inside = Files.list(old)) {
                for (Path file : inside.toList()) {
                    remove(file);
                }
            }
        }
        Files.delete(old);
    }

    /**
     * Gives a file its name, which no file may have yet.
     *
     * @throws FileAlreadyExistsException if one has it
     */
    public static void moveNew(Path temporary, Path target) throws IOException {
        try {
            // A second name is refused where it is taken, at once; a move would replace what has it.
            Files.createLink(target, temporary);
            Files.delete(temporary);
        } catch (FileAlreadyExistsException e) {
            throw e;
        } catch (UnsupportedOperationException | FileSystemException e) { // a disk without second names
            Files.move(temporary, target);
        }
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
