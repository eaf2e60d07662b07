package org.skipgpt.kernel.cell;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Stream;
import jdk.jshell.execution.LocalExecutionControl;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SessionThread.CellThread;

/**
 * The JDK's local execution control, with three differences: code runs on the thread that evaluates it, so that all of a
 * session runs on one; values and exceptions are kept as objects; and the threads that run code are known.
 *
 * <p>JShell hands back strings only. So the value of a snippet, or what it threw, stays here under a random key, and the
 * key is what JShell reports.
 */
final class CellExecutionControl extends LocalExecutionControl {
    private static final int STOPS_BY_FLAG_SINCE = 20; // before, the JDK stops threads; since then, it plants checks
    private static final String POLLING_LIBRARY = "org.skipgpt.train.";
    private static final Method NOTHING = nothing();

    /** Boxes a value, because a map of captured values must hold null as well. */
    record Captured(@Nullable Object value) {}

    private final ReentrantLock compiler;
    private final SnippetLoader loader;
    private final Map<String, Captured> values = new HashMap<>();
    private final Map<String, Throwable> thrown = new HashMap<>();
    private final Deque<Thread> threads = new ArrayDeque<>(); // that run user code
    private Consumer<Method> beforeRun = method -> {};
    private boolean needsReset = true;
    private boolean hasStopped;
    private long ranNanos;

    /**
     * Makes a control.
     *
     * @param compiler held by who evaluates, and free while user code runs
     * @param loader loads the classes
     */
    CellExecutionControl(ReentrantLock compiler, SnippetLoader loader) {
        super(loader);
        this.compiler = compiler;
        this.loader = loader;
    }

    /** Sets what to do just before code runs. */
    void beforeRun(Consumer<Method> action) {
        beforeRun = action;
    }

    /** Removes and returns the value behind a key JShell reported. */
    synchronized @Nullable Captured take(String key) {
        return values.remove(key);
    }

    /** Removes and returns the exception behind a key JShell reported. */
    synchronized @Nullable Throwable takeThrown(@Nullable String key) {
        return key == null ? null : thrown.remove(key);
    }

    /** Whether a class was made and loaded. */
    boolean isLoaded(String className) {
        return loader.isLoaded(className);
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
        reset();
        beforeRun.accept(method);
        Thread thread = Thread.currentThread();
        if (thread instanceof CellThread cell) {
            cell.useLoader(method.getDeclaringClass().getClassLoader());
        }
        long ranBefore = enter(thread);
        int holds = compiler.getHoldCount();
        for (int i = 0; i < holds; i++) {
            compiler.unlock();
        }
        long start = System.nanoTime();
        try {
            return keep(method.invoke(null));
        } finally {
            leave(thread, ranBefore, start);
            for (int i = 0; i < holds; i++) {
                compiler.lock();
            }
        }
    }

    /** The value of a variable, which is kept as that of a snippet is; JShell would call its {@code toString}. */
    @Override
    public String varValue(String className, String varName) throws RunException, InternalException {
        try {
            Field field = findClass(className).getDeclaredField(varName);
            field.setAccessible(true);
            return keep(field.get(null));
        } catch (ReflectiveOperationException e) {
            throw new InternalException("there is no value of " + varName + ": " + e);
        }
    }

    /** JShell would copy the exception cause by cause, without an end where causes go in a circle. */
    @Override
    protected String throwConvertedInvocationException(Throwable cause) throws RunException, InternalException {
        boolean isStop;
        String key = UUID.randomUUID().toString();
        synchronized (this) {
            isStop = hasStopped && cause instanceof ThreadDeath;
            thrown.put(key, cause);
        }
        if (isStop) {
            throw new StoppedException();
        }
        throw new UserException(key, cause.getClass().getName(), new StackTraceElement[0]);
    }

    /** Leaves a thread to itself; nothing that is asked for later is about its code. */
    synchronized void forget(Thread thread) {
        threads.removeIf(thread::equals);
        if (threads.isEmpty()) {
            super.clientCodeLeave();
        }
    }

    /** Ends user code that has not answered an interrupt. */
    @Override
    public void stop() throws EngineTerminationException, InternalException {
        synchronized (this) {
            if (threads.isEmpty()) {
                return;
            }
            hasStopped = true;
            needsReset = true;
            if (!stopsByFlag()) {
                threads.forEach(CellExecutionControl::stop);
                return;
            }
            // The checks are in loops. A sleep outside of one is ended by an interrupt only, and the first one is lost
            // where
            // it comes between two snippets or is caught.
            threads.forEach(Thread::interrupt);
        }
        super.stop();
    }

    // Still there on the JDKs that have no checks in the code of cells, and the only means of them.
    @SuppressWarnings("deprecation")
    private static void stop(Thread thread) {
        thread.stop();
    }

    // The JDK clears its stop flag, and makes it in the first place, when it runs something itself.
    private void reset() throws Exception {
        synchronized (this) {
            if (!needsReset || !threads.isEmpty()) {
                return; // code that runs already may be about to be stopped
            }
            needsReset = false;
            hasStopped = false;
        }
        if (stopsByFlag()) {
            super.invoke(NOTHING);
        }
    }

    private static boolean stopsByFlag() {
        return Runtime.version().feature() >= STOPS_BY_FLAG_SINCE;
    }

    private synchronized String keep(@Nullable Object value) {
        String key = UUID.randomUUID().toString();
        values.put(key, new Captured(value));
        return key;
    }

    private synchronized long enter(Thread thread) {
        threads.push(thread);
        super.clientCodeEnter();
        return ranNanos;
    }

    // A stop that comes in just here is of a cell that has ended by itself.
    private void leave(Thread thread, long ranBefore, long start) {
        boolean hasLeft = false;
        while (!hasLeft) {
            try {
                synchronized (this) {
                    if (threads.removeFirstOccurrence(thread)) { // else it was forgotten
                        // from the value before, as code that this code ran by eval lies within
                        ranNanos = ranBefore + System.nanoTime() - start;
                        if (threads.isEmpty()) {
                            super.clientCodeLeave();
                        }
                    }
                    hasLeft = true;
                }
            } catch (ThreadDeath e) {
                hasStopped = true;
            }
        }
    }

    @Override
    protected void clientCodeEnter() {
        // done for each thread that runs code, once it does
    }

    @Override
    protected void clientCodeLeave() {
        // as above
    }

    // Any public static method serves.
    private static Method nothing() {
        try {
            return Thread.class.getMethod("onSpinWait");
        } catch (NoSuchMethodException e) {
            throw new LinkageError("Thread.onSpinWait is missing; run the kernel with a whole JDK", e);
        }
    }
}
