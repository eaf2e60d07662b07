package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Knows whether the process that started this one still lives.
 *
 * <p>A process that was killed stays in the table of processes until its own parent asks for it, which may be never; so a
 * change of this process's parent counts, too, and so does the state that Linux gives.
 */
final class ParentWatch {
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long parent;
    private final boolean isDirect;

    ParentWatch(long parent) {
        this.parent = parent;
        this.isDirect = ownParent().filter(pid -> pid == parent).isPresent();
    }

    /** Returns when the parent has ended. */
    void awaitEnd() {
        while (isAlive()) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private boolean isAlive() {
        if (isDirect && ownParent().filter(pid -> pid == parent).isEmpty()) {
            return false;
        }
        return ProcessHandle.of(parent).filter(ProcessHandle::isAlive).isPresent() && !isZombie(parent);
    }

    private static Optional<Long> ownParent() {
        return ProcessHandle.current().parent().map(ProcessHandle::pid);
    }

    /** Whether a process is dead and not yet asked for; known on Linux only. */
    static boolean isZombie(long pid) {
        Path stat = Path.of("/proc", String.valueOf(pid), "stat");
        try {
            String text = Files.readString(stat);
            return text.substring(text.lastIndexOf(')') + 1).strip().startsWith("Z");
        } catch (IOException e) {
            return false;
        }
    }
}
