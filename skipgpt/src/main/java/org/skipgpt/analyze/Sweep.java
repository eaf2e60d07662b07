package org.skipgpt.analyze;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.skipgpt.io.Claims;
import org.skipgpt.io.SharedWork;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

/** A scaling sweep under way: its trials as work that several processes share, and how far it is. */
final class Sweep implements SharedWork.Listener<Scaling.Point> {
    private final long start = System.nanoTime();
    private final SweepFile file;
    private final Optional<Claims> claims;
    private final List<int[]> texts;
    private final ProgressObserver observer;
    private final int total;
    private int done;
    private int earlier;
    private String last = "";

    Sweep(SweepFile file, Optional<Claims> claims, List<int[]> texts, ProgressObserver observer, int total) {
        this.file = file;
        this.claims = claims;
        this.texts = texts;
        this.observer = observer;
        this.total = total;
    }

    List<TrialPart> parts(List<Scaling.Trial> trials) {
        return trials.stream().map(TrialPart::new).toList();
    }

    /** A trial among those that several processes measure. */
    final class TrialPart implements SharedWork.Part<Scaling.Point> {
        private final Scaling.Trial trial;

        TrialPart(Scaling.Trial trial) {
            this.trial = trial;
        }

        @Override
        public String name() {
            return Sha256.of(trial.method() + "\n" + trial.setting()).substring(0, 16);
        }

        @Override
        public Optional<Scaling.Point> kept() {
            return file.getNew(trial);
        }

        @Override
        public Optional<Scaling.Point> make() {
            try {
                Scaling.Point point = Scaling.measure(trial, texts, observer);
                file.add(trial, point, claims);
                return Optional.of(point);
            } catch (CancellationException e) {
                return Optional.empty();
            }
        }

        @Override
        public String toString() {
            return trial.method() + " " + trial.setting();
        }
    }

    @Override
    public void kept(SharedWork.Part<Scaling.Point> part, Scaling.Point point) {
        earlier++;
        done(part, point, true);
    }

    @Override
    public void done(SharedWork.Part<Scaling.Point> part, Scaling.Point point, boolean isOwn) {
        done++;
        tell(part + (isOwn ? "" : ", measured by another process"));
    }

    @Override
    public void stopped(SharedWork.Part<Scaling.Point> part) {
        tell("stopped at " + part);
    }

    @Override
    public void waiting(SharedWork.Part<Scaling.Point> part, String owner) {
        String note = "waiting for " + part + ", at which " + owner + " is";
        if (!note.equals(last)) { // a listener asks twice a second
            tell(note);
        }
    }

    private void tell(String note) {
        last = note;
        double seconds = (System.nanoTime() - start) / 1e9;
        observer.progress(new Progress("scaling sweep", done, total, "models", seconds, note).withEarlier(earlier));
    }
}
