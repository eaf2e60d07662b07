package org.skipgpt;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.train.Tuned;

/** What a method tells about how it made a cell's model, beside the model: its runs, and the knob that was turned for the ratio. */
public final class StudyNotes {
    private final List<StudyCurve> curves = new ArrayList<>();
    private double seconds;
    private Optional<StudySearch> search = Optional.empty();

    /** A run belongs to the row, with what it took; a run that was continued counts whole. */
    public LanguageModel tuned(Tuned tuned) {
        seconds += tuned.run().log().seconds();
        curves.add(StudyCurve.of(tuned.method(), tuned.run().log()));
        return tuned.model();
    }

    /** The ratio was looked for; a later search takes the place of one before. */
    public void searched(String knob, double value, int tries) {
        search = Optional.of(new StudySearch(knob, value, tries));
    }

    /** Seconds of all runs. */
    double seconds() {
        return seconds;
    }

    List<StudyCurve> curves() {
        return List.copyOf(curves);
    }

    Optional<StudySearch> search() {
        return search;
    }
}
