package org.skipgpt.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/** What tells a file that was written since from one that was not: its size and the time of its last change. */
record FileState(long size, FileTime changed) {
    static FileState of(Path file) throws IOException {
        BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileState(found.size(), found.lastModifiedTime());
    }

    @Override
    public String toString() {
        return size + " bytes of " + changed;
    }
}
