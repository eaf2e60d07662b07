package org.skipgpt.kernel.live;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.skipgpt.kernel.render.Rendering;
import org.skipgpt.kernel.render.Renderings;
import org.skipgpt.report.Html;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;

/**
 * Shows progress as a bar that moves, and figures that replace themselves.
 *
 * <p>A bar is drawn at most ten times a second, a figure at most once a second and never for more than a tenth of the time.
 * One observer serves one piece of work: {@code tuneRouters(model, texts, 0.25, options, live())}.
 */
public final class NotebookObserver implements ProgressObserver {
    private static final long BAR_NANOS = 100_000_000L;
    private static final long FIGURE_NANOS = 1_000_000_000L;
    private static final int SHARE = 10;
    private static final int PERCENT = 100;

    /** What is known about one output; an empty id means that nothing is shown yet. */
    private record Shown(String id, long nextNanos, boolean isDone) {}

    private final Screen screen;
    private final LongSupplier nanos;
    private final Map<String, Shown> bars = new HashMap<>();
    private final Map<String, Shown> figures = new HashMap<>();

    /** Makes an observer for a screen. */
    public NotebookObserver(Screen screen) {
        this(screen, System::nanoTime);
    }

    /** Makes an observer with a clock, for tests. */
    NotebookObserver(Screen screen, LongSupplier nanos) {
        this.screen = screen;
        this.nanos = nanos;
    }

    @Override
    public synchronized void progress(Progress progress) {
        Shown before = bars.get(progress.task());
        if (before != null && before.isDone() && !progress.isDone()) {
            before = null; // the same task began again
        }
        long now = nanos.getAsLong();
        if (before != null && (before.isDone() || (!progress.isDone() && now - before.nextNanos() < 0))) {
            return;
        }
        Map<String, String> forms = Map.of(Rendering.HTML, html(progress), Rendering.TEXT, text(progress));
        String id;
        if (before == null) {
            id = screen.show(forms);
        } else {
            id = before.id();
            screen.update(id, forms);
        }
        bars.put(progress.task(), new Shown(id, now + BAR_NANOS, progress.isDone()));
    }

    @Override
    public synchronized boolean wantsFigure(String key) {
        Shown shown = figures.get(key);
        return shown == null || nanos.getAsLong() - shown.nextNanos() >= 0;
    }

    @Override
    public synchronized void figure(String key, Report figure) {
        long start = nanos.getAsLong();
        Map<String, String> forms = Renderings.report(figure);
        Shown before = figures.get(key);
        String id;
        if (before == null) {
            id = screen.show(forms);
        } else {
            id = before.id();
            screen.update(id, forms);
        }
        long end = nanos.getAsLong();
        // the first drawing also loads fonts and classes, so its time says nothing about the next ones
        long cost = before == null ? 0 : SHARE * (end - start);
        figures.put(key, new Shown(id, end + Math.max(FIGURE_NANOS, cost), false));
    }

    @Override
    public String toString() {
        return "live observer: shows work given to it as bars and figures that move";
    }

    private static String html(Progress progress) {
        String bar = progress.total() <= 0
                ? ""
                : "<div style=\"display:inline-block;width:240px;height:10px;border-radius:5px;background:#8884;"
                        + "vertical-align:middle;margin-right:10px\"><div style=\"width:" + percent(progress)
                        + "%;height:10px;border-radius:5px;background:" + (progress.isDone() ? "#3a923a" : "#3a76af")
                        + "\"></div></div>";
        return "<div style=\"font-size:13px\"><b>" + Html.escape(progress.task()) + "</b><br>" + bar
                + Html.escape(state(progress)) + "</div>";
    }

    private static String text(Progress progress) {
        return progress.task() + ": " + state(progress);
    }

    private static String state(Progress progress) {
        StringBuilder text = new StringBuilder();
        text.append(progress.done());
        if (progress.total() > 0) {
            text.append(" of ").append(progress.total());
        }
        text.append(' ').append(progress.unit());
        if (progress.isDone()) {
            text.append(" in ").append(time(progress.seconds()));
        } else if (!Double.isNaN(progress.remainingSeconds())) {
            text.append(", ").append(time(progress.remainingSeconds())).append(" left");
        }
        return progress.note().isEmpty() ? text.toString() : text + ", " + progress.note();
    }

    private static long percent(Progress progress) {
        return Math.min(PERCENT, PERCENT * progress.done() / progress.total());
    }

    private static String time(double seconds) {
        return seconds < 60
                ? String.format(Locale.ROOT, "%.0f s", seconds)
                : String.format(Locale.ROOT, "%d:%02d min", (long) seconds / 60, (long) seconds % 60);
    }
}
