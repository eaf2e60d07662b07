package org.skipgpt.vector;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that share short pieces of work, one after another, each of a few microseconds.
 *
 * <p>Whoever is free claims the next part, so that a thread the system has stopped holds up no more than the part it is at.
 * Helpers wait turning for as long as the next piece usually takes to come, then sleep. One caller has the helpers at a time;
 * another that comes meanwhile works alone.
 *
 * <pre>{@code
 * try (Crew.Turn turn = crew.begin()) {
 *     turn.run(w.parts(), part -> ...);
 * }
 * }</pre>
 */
public final class Crew {
    /** How long a helper turns before it sleeps; what lies between two products of a token takes less. */
    private static final long TURNING_NANOS = 100_000;

    /** How long a caller turns before it lets others have its core: a helper may be stopped inside a part. */
    private static final int TURNS_BEFORE_YIELD = 2_000;

    private static final Share NOTHING = new Share(0, part -> {});

    private final Helper[] helpers;
    private final AtomicBoolean taken = new AtomicBoolean();
    private volatile Share current = NOTHING;

    /**
     * Starts helpers, which end with the process.
     *
     * @param threads how many share the work, the caller counted
     */
    public Crew(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException(threads + " threads are not allowed: expected 1 or more");
        }
        helpers = new Helper[threads - 1];
        for (int i = 0; i < helpers.length; i++) {
            helpers[i] = new Helper(i);
            helpers[i].start();
        }
    }

    /** How many threads share the work, the caller counted. */
    public int threads() {
        return helpers.length + 1;
    }

    /** Takes the helpers until the turn is closed; alone where another caller has them. */
    public Turn begin() {
        return new Turn(helpers.length > 0 && taken.compareAndSet(false, true));
    }

    /** Work that can be cut. */
    @FunctionalInterface
    public interface Parts {
        /** Does a part; any thread, in any order. */
        void run(int part);
    }

    /** The time in which one caller has the helpers; for one thread. */
    public final class Turn implements AutoCloseable {
        private final boolean helped;

        private Turn(boolean helped) {
            this.helped = helped;
        }

        /** Does all parts, 0..count-1, and returns when they are done. */
        public void run(int count, Parts parts) {
            if (!helped || count == 1) {
                for (int part = 0; part < count; part++) {
                    parts.run(part);
                }
                return;
            }
            Share share = new Share(count, parts);
            current = share;
            for (Helper helper : helpers) {
                helper.wake();
            }
            share.work();
            share.awaitOthers();
        }

        @Override
        public void close() {
            if (helped) {
                current = NOTHING; // so that what the last piece held can be freed
                taken.set(false);
            }
        }
    }

    private static final class Share {
        private final int count;
        private final Parts parts;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private volatile @Nullable Throwable failure;

        Share(int count, Parts parts) {
            this.count = count;
            this.parts = parts;
        }

        void work() {
            if (count == 0) {
                return; // the same object for ever: its claims must not be counted
            }
            for (int part = next.getAndIncrement(); part < count; part = next.getAndIncrement()) {
                try {
                    parts.run(part);
                } catch (RuntimeException | Error e) {
                    failure = e;
                } finally {
                    done.incrementAndGet();
                }
            }
        }

        // Nothing depends on what the yield does: it only offers the core to a helper that has none.
        @SuppressWarnings("ThreadPriorityCheck")
        void awaitOthers() {
            for (int turns = 0; done.get() < count; turns++) {
                if (turns < TURNS_BEFORE_YIELD) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
            Throwable thrown = failure;
            if (thrown != null) {
                throw new IllegalStateException("a part of shared work failed: " + thrown.getMessage(), thrown);
            }
        }
    }

    private final class Helper extends Thread {
        private volatile boolean asleep;

        Helper(int number) {
            super("skipgpt-row-" + (number + 1));
            setDaemon(true);
        }

        void wake() {
            if (asleep) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            Share last = NOTHING;
            while (true) {
                last = other(last);
                last.work();
            }
        }

        private Share other(Share last) {
            long begun = System.nanoTime();
            for (int turns = 1; ; turns++) {
                Share now = current;
                if (now != last) {
                    return now;
                }
                Thread.onSpinWait();
                if (turns % 64 == 0 && System.nanoTime() - begun > TURNING_NANOS) {
                    asleep = true;
                    if (current == last) {
                        LockSupport.park(this);
                    }
                    asleep = false;
                }
            }
        }
    }
}
