package org.skipgpt.kernel.cell;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import jdk.jshell.execution.LocalExecutionControl;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's local execution control, with two additions: values are kept as objects, and the running thread is known.
 *
 * <p>JShell hands back strings only. So each snippet runs through {@link Trampoline}, its value stays here under a random
 * key, and the key is the "value" JShell reports.
 */
final class CellExecutionControl extends LocalExecutionControl {
    private static final Method TRAMPOLINE = trampoline();
    private static final String POLLING_LIBRARY = "org.skipgpt.train.";
    private static final long START_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** One snippet on its way to its thread. */
    private record Call(Method method, Thread caller) {}

    /** Boxes a value, because a map of captured values must hold null as well. */
    record Captured(@Nullable Object value) {}

    private final Map<String, Captured> values = new HashMap<>();
    private final Deque<Thread> threads = new ArrayDeque<>(); // more than one where cells run code by eval
    private @Nullable Call next;
    private int depth;
    private long ranNanos;

    /** Removes and returns the value behind a key JShell reported. */
    synchronized @Nullable Captured take(String key) {
        return values.remove(key);
    }

    /** Interrupts the threads that run user code; code that polls ends by itself. */
    synchronized void interruptThreads() {
        threads.forEach(Thread::interrupt);
    }

    /**
     * Whether user code is inside a training loop. That answers an interrupt by itself: it ends the step, saves, measures
     * what was learned so far and returns it.
     */
    synchronized boolean isInPollingLibrary() {
        return threads.stream()
                .flatMap(thread -> Stream.of(thread.getStackTrace()))
                .anyMatch(frame -> frame.getClassName().startsWith(POLLING_LIBRARY));
    }

    /** Nanoseconds that code of cells has run so far; compiling it does not count. */
    synchronized long ranNanos() {
        return ranNanos;
    }

    @Override
    protected String invoke(Method method) throws Exception {
        synchronized (this) {
            next = new Call(method, Thread.currentThread());
        }
        Trampoline.CONTROL.set(this);
        try {
            String quoted = super.invoke(TRAMPOLINE);
            return quoted.substring(1, quoted.length() - 1); // JShell quotes strings
        } finally {
            Trampoline.CONTROL.remove();
        }
    }

    Object runOnSnippetThread() throws Throwable {
        Call call;
        long ranBefore;
        synchronized (this) {
            call = Objects.requireNonNull(next);
            next = null;
            ranBefore = ranNanos;
            threads.push(Thread.currentThread());
        }
        long start = System.nanoTime();
        try {
            awaitJoin(call.caller());
            // ServiceLoader, and with it DJL's search for engines, asks the context class loader.
            Thread.currentThread()
                    .setContextClassLoader(call.method().getDeclaringClass().getClassLoader());
            start = System.nanoTime();
            Object value = call.method().invoke(null);
            String key = UUID.randomUUID().toString();
            synchronized (this) {
                values.put(key, new Captured(value));
            }
            return key;
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        } finally {
            synchronized (this) {
                // from the value before, as code that this code ran by eval lies within
                ranNanos = ranBefore + System.nanoTime() - start;
                threads.remove(Thread.currentThread());
            }
        }
    }

    // The JDK joins every thread it finds in the group just after the start. A thread that the snippet starts at once
    // would be among them and the cell would wait for it; so the snippet begins when the JDK is waiting for it alone.
    private static void awaitJoin(Thread caller) {
        long end = System.nanoTime() + START_WAIT_NANOS;
        while (caller.getState() == Thread.State.RUNNABLE && System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    @Override
    protected synchronized void clientCodeEnter() {
        depth++;
        super.clientCodeEnter();
    }

    // Code run by eval inside a cell ends before the cell does; only the outermost end counts.
    @Override
    protected synchronized void clientCodeLeave() {
        depth--;
        if (depth == 0) {
            super.clientCodeLeave();
        }
    }

    private static Method trampoline() {
        try {
            return Trampoline.class.getMethod("run");
        } catch (NoSuchMethodException e) {
            throw new LinkageError("the trampoline is missing", e);
        }
    }
}
