package org.skipgpt.io;

import java.nio.file.Path;

/** Another writer has a folder at this moment; the same may be tried again later. */
public final class FolderBusyException extends CheckpointException {
    private final transient Path folder;
    private final transient String what;

    FolderBusyException(Path folder, String what) {
        super("Another " + what + " is writing to folder " + folder
                + " at this moment. Wait for it, stop it, or name another folder.");
        this.folder = folder;
        this.what = what;
    }

    /** Whether the other writer has gone since. */
    boolean isOver() {
        try {
            FolderLock.of(folder, what).close();
            return true;
        } catch (FolderBusyException e) {
            return false;
        }
    }
}
