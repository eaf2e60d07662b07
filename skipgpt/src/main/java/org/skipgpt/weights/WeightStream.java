package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.skipgpt.shape.ModuleSite;

/**
 * Brings weights of modules from files when they are called, one module ahead of its use.
 *
 * <p>Two modules are held at once: the one that is computed and the one that a thread of this stream reads meanwhile. Ahead
 * of its call a module is read only where it is sure to come ({@link #expect}); one that nobody calls is never read. Any number
 * of threads may call: each waits until it has a place.
 */
public final class WeightStream implements AutoCloseable {
    private static final int PLACES = 2;
    private static final long IDLE_SECONDS = 5;

    /** Reads modules; used by one thread, closed behind its last read. */
    interface Source extends AutoCloseable {
        /** A module's arrays, its matrices in the order of the CPU's kernels or as they are stored. */
        List<NDArray> read(ModuleSite site, boolean reordered);

        /** Bytes read so far. */
        long bytes();

        @Override
        void close();
    }

    /** A module in the order in which a program takes it. */
    private record Key(ModuleSite site, boolean reordered) {}

    /** What is being read or was. */
    private static final class Brought {
        private final CompletableFuture<List<NDArray>> arrays;
        private int users;
        private boolean used;

        Brought(CompletableFuture<List<NDArray>> arrays) {
            this.arrays = arrays;
        }

        // What could not be read has nothing to free.
        void free() {
            if (!arrays.isCompletedExceptionally()) {
                arrays.join().forEach(NDArray::close);
            }
        }
    }

    private final Source source;
    private final ThreadPoolExecutor reader;
    // The one used least lately first.
    private final Map<Key, Brought> held = new LinkedHashMap<>();
    private final ThreadLocal<Deque<ModuleSite>> expected = ThreadLocal.withInitial(ArrayDeque::new);
    private boolean closed;
    private long modules;
    private long readNanos;
    private long waitNanos;

    WeightStream(Source source) {
        this.source = source;
        this.reader =
                new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, "skipgpt weight stream");
                    thread.setDaemon(true);
                    return thread;
                });
        reader.allowCoreThreadTimeOut(true);
    }

    /**
     * Says which modules this thread will surely call, in their order: each is read while the one before it is computed.
     *
     * @param reordered whether for a program that takes matrices in the kernels' order
     */
    void expect(List<ModuleSite> sites, boolean reordered) {
        expected.set(new ArrayDeque<>(sites));
        ahead(reordered);
    }

    /** Says that this thread expects nothing more, and lets go what nobody computes with. */
    void done() {
        expected.remove();
        synchronized (this) {
            while (!closed && freedOne(true)) {
                // All that is not in use goes.
            }
            notifyAll();
        }
    }

    /**
     * A module's arrays, read if they are not there.
     *
     * @throws org.skipgpt.io.CheckpointException if a file changed or is damaged; another call reads again
     * @throws IllegalStateException if the model was closed
     */
    WeightLease take(ModuleSite site, boolean reordered) {
        Key key = new Key(site, reordered);
        long begun = System.nanoTime();
        Brought one = place(key);
        Deque<ModuleSite> coming = expected.get();
        if (coming.contains(site)) {
            while (!coming.remove().equals(site)) {
                // What was passed over is not coming any more.
            }
        }
        ahead(reordered);
        try {
            List<NDArray> arrays = one.arrays.join();
            synchronized (this) {
                waitNanos += System.nanoTime() - begun;
            }
            return new WeightLease(arrays, () -> release(one));
        } catch (CompletionException e) {
            synchronized (this) {
                one.users--;
                held.remove(key, one);
                notifyAll();
                checkOpen(); // closing interrupts the reading
            }
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }

    private synchronized Brought place(Key key) {
        boolean interrupted = false;
        try {
            while (true) {
                checkOpen();
                Brought known = held.remove(key);
                boolean failed = known != null && known.arrays.isCompletedExceptionally();
                if ((known == null || failed) && hasRoom(true)) {
                    known = begin(key); // what could not be read is read again
                }
                if (known != null) {
                    held.put(key, known);
                    known.used = true;
                    known.users++;
                    return known;
                }
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true; // a pass ends between modules
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized void ahead(boolean reordered) {
        ModuleSite next = expected.get().peek();
        if (next == null || closed) {
            return;
        }
        Key key = new Key(next, reordered);
        if (!held.containsKey(key) && hasRoom(false)) {
            held.put(key, begin(key));
        }
    }

    // What was used goes first; what was read for nothing goes where somebody waits.
    private boolean hasRoom(boolean waits) {
        if (held.size() < PLACES) {
            return true;
        }
        return freedOne(true) || (waits && freedOne(false));
    }

    private boolean freedOne(boolean used) {
        for (Iterator<Brought> all = held.values().iterator(); all.hasNext(); ) {
            Brought one = all.next();
            if (one.users == 0 && one.used == used) {
                all.remove();
                if (one.arrays.isDone()) {
                    one.free();
                } else {
                    reader.execute(one::free); // behind the reading, which is this thread's next work
                }
                return true;
            }
        }
        return false;
    }

    private Brought begin(Key key) {
        return new Brought(CompletableFuture.supplyAsync(() -> read(key), reader));
    }

    private List<NDArray> read(Key key) {
        long begun = System.nanoTime();
        List<NDArray> arrays = source.read(key.site(), key.reordered());
        synchronized (this) {
            modules++;
            readNanos += System.nanoTime() - begun;
        }
        return arrays;
    }

    private synchronized void release(Brought one) {
        one.users--;
        notifyAll();
    }

    /** What was read so far. */
    public synchronized WeightReads reads() {
        return new WeightReads(modules, source.bytes(), readNanos / 1e9, waitNanos / 1e9);
    }

    private void checkOpen() {
        if (closed) {
            throw closed();
        }
    }

    private static IllegalStateException closed() {
        return new IllegalStateException(
                "this model is closed: its layers are read from files that were closed with its"
                        + " workspace, or when it was released; load it again");
    }

    /** Stops reading, waits until it stopped, frees what was read; who waits for a module is told. */
    @Override
    public void close() {
        List<Brought> left;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            left = new ArrayList<>(held.values());
            notifyAll();
        }
        reader.shutdownNow();
        boolean interrupted = false;
        while (!reader.isTerminated()) {
            try {
                reader.awaitTermination(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        left.forEach(one -> one.arrays.completeExceptionally(closed()));
        source.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
