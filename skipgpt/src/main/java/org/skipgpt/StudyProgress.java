package org.skipgpt;

import org.skipgpt.io.SharedWork;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/** Tells an observer how far a study is. */
final class StudyProgress implements SharedWork.Listener<StudyRow> {
    private final long start = System.nanoTime();
    private final int total;
    private final ProgressObserver observer;
    private int done;
    private int earlier;
    private String last = "";

    StudyProgress(int total, ProgressObserver observer) {
        this.total = total;
        this.observer = observer;
    }

    @Override
    public void kept(SharedWork.Part<StudyRow> part, StudyRow row) {
        done++;
        earlier++;
    }

    @Override
    public void done(SharedWork.Part<StudyRow> part, StudyRow row, boolean isOwn) {
        done++;
        tell(row.method() + (isOwn ? "" : ", made by another process"));
    }

    @Override
    public void stopped(SharedWork.Part<StudyRow> part) {
        tell("stopped at " + part.name());
    }

    @Override
    public void waiting(SharedWork.Part<StudyRow> part, String owner) {
        String note = "waiting for " + part.name() + ", at which " + owner + " is";
        if (!note.equals(last)) { // a listener asks twice a second
            tell(note);
        }
    }

    private void tell(String note) {
        last = note;
        double seconds = (System.nanoTime() - start) / 1e9;
        observer.progress(new Progress("study", done, total, "rows", seconds, note).withEarlier(earlier));
    }
}
