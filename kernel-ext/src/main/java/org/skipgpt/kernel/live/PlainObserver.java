package org.skipgpt.kernel.live;

import java.io.PrintStream;
import java.util.HashMap;
import java.util.Map;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/**
 * Shows progress as one line for each quarter, without times: for notebooks whose outputs are stored and compared.
 *
 * <p>Work of unknown length gets a line at its beginning only.
 */
public final class PlainObserver implements ProgressObserver {
    private static final int QUARTERS = 4;

    private final PrintStream out;
    private final Map<String, Integer> quarters = new HashMap<>();

    /** Makes an observer that prints. */
    public PlainObserver(PrintStream out) {
        this.out = out;
    }

    @Override
    public String toString() {
        return "plain observer: prints a line for each quarter of the work given to it";
    }

    @Override
    public synchronized void progress(Progress progress) {
        int quarter = progress.total() > 0 ? (int) (QUARTERS * progress.done() / progress.total()) : 0;
        Integer before = quarters.put(progress.task(), quarter);
        if (before != null && quarter == before) {
            return;
        }
        String amount =
                progress.total() > 0 ? progress.done() + " of " + progress.total() : String.valueOf(progress.done());
        String note = progress.note().isEmpty() ? "" : ", " + progress.note();
        out.println(progress.task() + ": " + amount + " " + progress.unit() + note);
    }
}
