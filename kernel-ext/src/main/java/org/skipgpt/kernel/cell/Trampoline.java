package org.skipgpt.kernel.cell;

import org.jspecify.annotations.Nullable;

/**
 * Runs the user's code on the thread that the JDK's execution control made for it.
 *
 * <p>The execution control calls a public static method by reflection; this is that method. It is no API.
 */
public final class Trampoline {
    /** Set by the thread that starts the code; the new thread inherits it. */
    static final InheritableThreadLocal<@Nullable CellExecutionControl> CONTROL = new InheritableThreadLocal<>();

    private Trampoline() {}

    /** Runs what the calling execution control has prepared; returns the key of the captured value. */
    public static Object run() throws Throwable {
        CellExecutionControl control = CONTROL.get();
        if (control == null) {
            throw new IllegalStateException("no cell is running on this thread; run code through the kernel");
        }
        CONTROL.remove(); // threads of the user's code must not inherit it
        return control.runOnSnippetThread();
    }
}
