package org.skipgpt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.skipgpt.io.Claims;
import org.skipgpt.io.SharedWork;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/**
 * The rows of a study one by one, for what makes them in several processes.
 *
 * <pre>{@code
 * StudyCells cells = StudyCells.of(base, options, observer);
 * for (StudyCell cell : cells.all()) { cells.make(cell); }
 * Study table = cells.study();
 * }</pre>
 */
public final class StudyCells {
    private final Study.Running running;
    private final StudyOptions options;

    private StudyCells(Study.Running running, StudyOptions options) {
        this.running = running;
        this.options = options;
    }

    /**
     * The rows of a study.
     *
     * @param base a dense model of the open workspace
     * @throws IllegalArgumentException if it skips already or has an adapter
     */
    public static StudyCells of(LanguageModel base, StudyOptions options, ProgressObserver observer) {
        return new StudyCells(Study.running(base, options, observer), options);
    }

    /** All of them, in the order of the table. */
    public List<StudyCell> all() {
        return running.parts().stream().map(Study.Running.CellPart::cell).toList();
    }

    /** Those whose rows nobody has finished. */
    public List<StudyCell> missing() {
        return running.parts().stream()
                .filter(part -> part.kept().isEmpty())
                .map(Study.Running.CellPart::cell)
                .toList();
    }

    /** The file that keeps a row. */
    public Path file(StudyCell cell) {
        return part(cell).file();
    }

    /**
     * Makes a row, or waits for the process that has claimed it; empty where the thread was interrupted.
     *
     * @throws IllegalArgumentException if the cell is one of another study, e.g. of other settings
     */
    public Optional<StudyRow> make(StudyCell cell) {
        try (Claims claims = running.claims()) {
            return SharedWork.run(claims, List.of(part(cell)), new StudyProgress(1, ProgressObserver.silent()))
                    .get(0);
        }
    }

    private Study.Running.CellPart part(StudyCell cell) {
        return running.parts().stream()
                .filter(part -> part.cell().equals(cell))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no row " + cell.name()
                        + " in this study: it is of another model, other texts, settings or data, or another version"));
    }

    /** The table of the rows that are there. */
    public Study study() {
        List<Optional<StudyRow>> rows = new ArrayList<>();
        running.parts().forEach(part -> rows.add(part.kept()));
        return running.study(rows);
    }

    /** The study's options. */
    public StudyOptions options() {
        return options;
    }
}
