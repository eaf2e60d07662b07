package org.skipgpt;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * What a method of a study gets to make one cell's model of.
 *
 * @param ratio wanted share of the block parameters, 0..1
 * @param seed of everything drawn
 * @param calibration texts that static methods measure on
 * @param documents texts that others learn from
 * @param tuning how they learn
 * @param folder keeps runs under way, of these settings alone
 * @param observer is told how far the cell is
 * @param notes takes what else is to be known of the row
 */
public record StudyMaterial(
        double ratio,
        long seed,
        List<String> calibration,
        List<String> documents,
        TuningOptions tuning,
        Path folder,
        ProgressObserver observer,
        StudyNotes notes) {
    private static final int MEASURED = 32;

    /** Copies the list. */
    public StudyMaterial {
        documents = List.copyOf(documents);
    }

    /** How to learn, under the cell's seed; a run of this name is kept, so that it goes on where it was stopped. */
    public TuningOptions options(String run) {
        return tuning.withSeed(seed)
                .withCheckpoints(
                        folder.resolve(slug(run)), Math.max(1, tuning.loop().steps() / 10));
    }

    /** The model of a run, which the row's costs and curves take in. */
    public LanguageModel tuned(Tuned tuned) {
        return notes.tuned(tuned);
    }

    /** The last documents, which no row learns from: what is skipped is measured on them. */
    public List<String> kept() {
        return kept(documents);
    }

    /** The same of a study's documents. */
    static List<String> kept(List<String> documents) {
        int kept = Math.max(1, Math.min(MEASURED, documents.size() / 10));
        return documents.subList(documents.size() - kept, documents.size());
    }

    /** The calibration text as token ids, in pieces of 256. */
    public List<int[]> pieces(LanguageModel model) {
        return Pieces.calibration(model, calibration);
    }

    /** A name as part of a file's name. */
    static String slug(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
    }
}
