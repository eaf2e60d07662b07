package org.skipgpt.kernel.live;

import org.jspecify.annotations.Nullable;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.ProgressObserver;

/** Gives work in a cell its observer: {@code tuneRouters(model, texts, 0.25, options, live())}. */
public final class Live {
    /** Environment variable that turns moving bars into a few plain lines. */
    public static final String PLAIN = "SKIPGPT_PLAIN_PROGRESS";

    private static volatile @Nullable Screen screen;

    private Live() {}

    /** Tells where live outputs appear; a kernel's adapter calls it once. */
    public static void use(Screen newScreen) {
        screen = newScreen;
    }

    /**
     * A new observer for one piece of work: bars and figures in a notebook, plain lines where {@value #PLAIN} is set, the
     * console elsewhere.
     */
    public static ProgressObserver live() {
        if (System.getenv(PLAIN) != null) {
            return new PlainObserver(System.out);
        }
        Screen current = screen;
        return current == null ? ConsoleObserver.on(System.out) : new NotebookObserver(current);
    }
}
