package org.skipgpt.io;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A list of results that several processes make together, each in the same folder.
 *
 * <p>A process makes what is neither there nor claimed, and in the end waits for what others have claimed, so that each returns the
 * whole list; what a process that died had claimed, it makes itself.
 *
 * @param <R> what each piece of work results in
 */
public final class SharedWork<R> {
    private static final long PAUSE_MILLIS = 500;

    /**
     * One piece of work.
     *
     * @param <R> what it results in
     */
    public interface Part<R> {
        /** Names it among the others and in the folder: the same for every process. */
        String name();

        /** What somebody has made and kept before. */
        Optional<R> kept();

        /**
         * Makes and keeps it, at best the first time and at worst once more; empty where the thread was interrupted.
         *
         * @throws FolderBusyException if a part of it is being made by another process; it is tried again later
         */
        Optional<R> make();
    }

    /**
     * Is told how far the work is, on the working thread.
     *
     * @param <R> what each piece of work results in
     */
    public interface Listener<R> {
        /** A part had been made before. */
        void kept(Part<R> part, R result);

        /** A part was made now, here or by another process. */
        void done(Part<R> part, R result, boolean isOwn);

        /** The thread was interrupted while a part was made; no other one is begun. */
        void stopped(Part<R> part);

        /** Nothing is left but what others are at. */
        void waiting(Part<R> part, String owner);
    }

    private final Optional<Claims> claims;
    private final List<? extends Part<R>> parts;
    private final Listener<R> listener;
    private final List<Optional<R>> results;
    private final Map<String, FolderBusyException> busy = new HashMap<>();
    private boolean isStopped;

    private SharedWork(Optional<Claims> claims, List<? extends Part<R>> parts, Listener<R> listener) {
        this.claims = claims;
        this.parts = parts;
        this.listener = listener;
        this.results = new ArrayList<>(Collections.nCopies(parts.size(), Optional.empty()));
    }

    /**
     * Makes what is missing.
     *
     * @return a result for each part, in their order; empty ones where the thread was interrupted, which stays so
     */
    public static <R> List<Optional<R>> run(Claims claims, List<? extends Part<R>> parts, Listener<R> listener) {
        return new SharedWork<>(Optional.of(claims), parts, listener).run();
    }

    /** The same in one process that shares nothing. */
    public static <R> List<Optional<R>> alone(List<? extends Part<R>> parts, Listener<R> listener) {
        return new SharedWork<>(Optional.empty(), parts, listener).run();
    }

    private List<Optional<R>> run() {
        for (int i = 0; i < parts.size(); i++) {
            Part<R> part = parts.get(i);
            results.set(i, part.kept());
            results.get(i).ifPresent(result -> listener.kept(part, result));
        }
        while (!isStopped && results.contains(Optional.<R>empty())) {
            boolean moved = false;
            for (int i = 0; i < parts.size() && !isStopped; i++) {
                moved |= results.get(i).isEmpty() && advance(i);
            }
            if (!moved && !isStopped) {
                rest();
            }
        }
        for (int i = 0; isStopped && i < parts.size(); i++) {
            if (results.get(i).isEmpty()) {
                results.set(i, parts.get(i).kept());
            }
        }
        return List.copyOf(results);
    }

    // Whether something changed: where not, others are at all that is left.
    private boolean advance(int i) {
        Part<R> part = parts.get(i);
        if (Thread.currentThread().isInterrupted()) {
            stop(part);
            return true;
        }
        if (claims.isEmpty()) {
            return make(i);
        }
        if (take(i, part.kept())) {
            return true;
        }
        FolderBusyException before = busy.get(part.name());
        if (before != null && !before.isOver()) {
            return false; // beginning it anew would cost, too
        }
        Optional<Claim> mine = claims.get().take(part.name());
        if (mine.isEmpty()) {
            return false;
        }
        try (Claim held = mine.get()) {
            // It may have been finished between the look and the claim.
            return take(i, part.kept()) || make(i);
        } catch (FolderBusyException e) {
            busy.put(part.name(), e);
            return false;
        }
    }

    private boolean make(int i) {
        Part<R> part = parts.get(i);
        results.set(i, part.make());
        results.get(i).ifPresentOrElse(result -> listener.done(part, result, true), () -> stop(part));
        return true;
    }

    private boolean take(int i, Optional<R> kept) {
        results.set(i, kept);
        kept.ifPresent(result -> listener.done(parts.get(i), result, false));
        return kept.isPresent();
    }

    private void stop(Part<R> part) {
        isStopped = true;
        listener.stopped(part);
    }

    private void rest() {
        Part<R> first = parts.get(results.indexOf(Optional.<R>empty()));
        listener.waiting(first, claims.flatMap(c -> c.owner(first.name())).orElse("another process"));
        try {
            TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stop(first);
        }
    }
}
