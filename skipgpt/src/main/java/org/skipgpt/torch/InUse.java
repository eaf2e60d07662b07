package org.skipgpt.torch;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Lets whoever frees native memory wait for those who compute with it.
 *
 * <p>libtorch knows nothing of owners: an array that is freed while a kernel reads it ends the process. So work holds the
 * memory it reads, which costs one uncontended entry of a lock, and {@link #free} waits until nobody holds it; who comes
 * later finds the owner closed and says so. A hold may be taken inside another of the same thread.
 *
 * <pre>{@code
 * try (InUse.Hold held = InUse.of(manager).hold()) {
 *     program.call("twice", x).toFloatArray();
 * }
 * }</pre>
 */
public final class InUse {
    /** How long {@link #free} waits for work under way before it refuses. */
    public static final long LONGEST_SECONDS = 60;

    private static final Map<NDManager, InUse> OF_OWNERS = Collections.synchronizedMap(new WeakHashMap<>());

    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Hold hold = lock.readLock()::unlock;

    private InUse() {}

    /** Memory that is held; closing lets it go, on the thread that took it. */
    @FunctionalInterface
    public interface Hold extends AutoCloseable {
        @Override
        void close();
    }

    /** Says that an owner is freed by itself: from now on, what is held of it is not held of the owner above it. */
    public static void begin(NDManager owner) {
        OF_OWNERS.putIfAbsent(owner, new InUse());
    }

    /** What guards an owner: that of the nearest owner above it, or itself, that is freed by itself. */
    public static InUse of(NDManager owner) {
        NDManager at = owner;
        while (true) {
            InUse found = OF_OWNERS.get(at);
            if (found != null) {
                return found;
            }
            NDManager parent = at.getParentManager();
            if (parent == null || parent instanceof NDManager.SystemNDManager) {
                return OF_OWNERS.computeIfAbsent(at, key -> new InUse());
            }
            at = parent;
        }
    }

    /** Holds the memory until the result is closed; waits while it is being freed. The owner may be closed by then. */
    public Hold hold() {
        lock.readLock().lock();
        return hold;
    }

    /**
     * A place in long work where memory may be freed: lets those go first who wait for that.
     *
     * <p>Afterwards the owner may be closed.
     */
    public void pause() {
        if (!lock.hasQueuedThreads()) {
            return;
        }
        int holds = lock.getReadHoldCount();
        for (int i = 0; i < holds; i++) {
            lock.readLock().unlock();
        }
        for (int i = 0; i < holds; i++) {
            lock.readLock().lock();
        }
    }

    /**
     * Closes an owner when nobody holds its memory any more; an interrupt does not shorten the wait.
     *
     * @param owner closed then
     * @param parts owners below it that are freed by themselves
     * @throws IllegalStateException if it is held by this thread itself, or by another for {@link #LONGEST_SECONDS}; nothing
     *     is freed then
     */
    public static void free(NDManager owner, List<NDManager> parts) {
        List<InUse> all = new ArrayList<>(List.of(of(owner)));
        parts.forEach(part -> all.add(of(part)));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_SECONDS);
        List<InUse> taken = new ArrayList<>();
        try {
            for (InUse one : all) {
                one.refused(end).ifPresent(why -> {
                    throw new IllegalStateException(why);
                });
                taken.add(one);
            }
            owner.close();
        } finally {
            taken.forEach(one -> one.lock.writeLock().unlock());
        }
    }

    // Takes the memory for freeing, or says why not.
    private Optional<String> refused(long end) {
        if (lock.getReadHoldCount() > 0) {
            return Optional.of(
                    "this thread computes with the memory it wants to free; close it when the work returned");
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return lock.writeLock().tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)
                            ? Optional.empty()
                            : Optional.of(lock.getReadLockCount() + " threads still compute with the memory after "
                                    + LONGEST_SECONDS + " seconds, so nothing was freed; stop their work (interrupt the"
                                    + " threads or wait for them) and close again");
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
