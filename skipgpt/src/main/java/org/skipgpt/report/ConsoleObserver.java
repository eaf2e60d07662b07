package org.skipgpt.report;

import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Shows progress on a console: a bar that moves where there is a terminal, a few plain lines elsewhere.
 *
 * <p>The bar is drawn at most ten times a second; plain lines come at the start, after each quarter, or once a minute.
 *
 * <pre>{@code
 * tuneRouters(model, texts, 0.25, options, ConsoleObserver.on(System.err));
 * }</pre>
 */
public final class ConsoleObserver implements ProgressObserver {
    private static final int WIDTH = 100;
    private static final int BAR = 24;
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final long LINE_NANOS = 60_000_000_000L;

    private final PrintStream out;
    private final boolean terminal;
    private final LongSupplier nanos;
    private String task = "";
    private boolean open; // a bar stands on the line
    private boolean finished;
    private long lastNanos;
    private int lastQuarter;
    private int lastLength;

    ConsoleObserver(PrintStream out, boolean terminal, LongSupplier nanos) {
        this.out = out;
        this.terminal = terminal;
        this.nanos = nanos;
    }

    /** Writes to a stream; the bar moves only if this process has a terminal. */
    public static ConsoleObserver on(PrintStream out) {
        return on(out, hasTerminal());
    }

    /** Writes to a stream that is a terminal or not. */
    public static ConsoleObserver on(PrintStream out, boolean terminal) {
        return new ConsoleObserver(out, terminal, System::nanoTime);
    }

    // From Java 22 a console object exists without a terminal and says so itself.
    @SuppressWarnings("SystemConsoleNull")
    private static boolean hasTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    @Override
    public synchronized void progress(Progress progress) {
        boolean fresh = !progress.task().equals(task) || (finished && !progress.isDone());
        if (fresh) {
            if (open) {
                out.println();
            }
            task = progress.task();
            open = false;
            finished = false;
            lastQuarter = 0;
            lastLength = 0;
        }
        if (finished) {
            return;
        }
        finished = progress.isDone();
        if (terminal) {
            draw(progress, fresh);
        } else {
            print(progress, fresh);
        }
    }

    @Override
    public String toString() {
        return "console observer: " + (terminal ? "a bar that moves" : "a few plain lines");
    }

    private void draw(Progress progress, boolean fresh) {
        long now = nanos.getAsLong();
        if (!fresh && !finished && now - lastNanos < REDRAW_NANOS) {
            return;
        }
        lastNanos = now;
        String line = clip(task + "  " + bar(progress) + state(progress));
        out.print("\r" + line + " ".repeat(Math.max(0, lastLength - line.length())));
        lastLength = line.length();
        open = !finished;
        if (finished) {
            out.println();
        }
        out.flush();
    }

    private void print(Progress progress, boolean fresh) {
        long now = nanos.getAsLong();
        int quarter = progress.total() > 0 ? (int) (4 * progress.done() / progress.total()) : 0;
        if (fresh || finished || quarter > lastQuarter || now - lastNanos >= LINE_NANOS) {
            lastNanos = now;
            lastQuarter = quarter;
            out.println(clip(task + ": " + state(progress)));
            out.flush();
        }
    }

    private static String bar(Progress progress) {
        if (progress.total() <= 0) {
            return "";
        }
        int full = (int) Math.min(BAR, BAR * progress.done() / progress.total());
        return "█".repeat(full) + "░".repeat(BAR - full) + "  ";
    }

    private static String state(Progress progress) {
        StringBuilder out = new StringBuilder(amount(progress));
        out.append(" · ").append(time(progress.seconds()));
        double left = progress.remainingSeconds();
        if (!progress.isDone() && !Double.isNaN(left)) {
            out.append(", ").append(time(left)).append(" left");
        }
        return progress.note().isEmpty()
                ? out.toString()
                : out.append(" · ").append(progress.note()).toString();
    }

    private static String amount(Progress progress) {
        boolean bytes = progress.unit().equals("bytes");
        String done = bytes ? megabytes(progress.done()) : String.valueOf(progress.done());
        String unit = bytes ? "MB" : progress.unit();
        if (progress.total() <= 0) {
            return done + " " + unit;
        }
        String total = bytes ? megabytes(progress.total()) : String.valueOf(progress.total());
        return 100 * progress.done() / progress.total() + " % " + done + "/" + total + " " + unit;
    }

    private static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes / 1e6);
    }

    private static String time(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return seconds < 10 ? String.format(Locale.ROOT, "%.1f s", seconds) : whole + " s";
        }
        return whole < 3600
                ? String.format(Locale.ROOT, "%d:%02d min", whole / 60, whole % 60)
                : String.format(Locale.ROOT, "%d:%02d h", whole / 3600, whole % 3600 / 60);
    }

    private static String clip(String line) {
        String flat = line.replaceAll("\\R", " ");
        return flat.length() <= WIDTH ? flat : flat.substring(0, WIDTH - 1) + "…";
    }
}
