package org.skipgpt;

import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/** Something else than this process that makes the rows of studies; found at run time, as a service of the class path. */
public interface StudyEngine {
    /** The name under which {@code ./run study} takes it, e.g. {@code spark}. */
    String name();

    /**
     * Makes the rows that are missing and returns the table.
     *
     * @param where the engine's own address, e.g. {@code local[*]} or {@code spark://host:7077}
     * @param model as {@code load} takes it: every process loads it by this name
     * @param base the same, loaded here
     */
    Study run(String where, String model, LanguageModel base, StudyOptions options, ProgressObserver observer);
}
