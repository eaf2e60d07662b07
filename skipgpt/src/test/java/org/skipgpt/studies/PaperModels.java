package org.skipgpt.studies;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * The tuned models behind the figures, made from one base model: routers at three targets, both stages
 * at two. Runs are kept in a folder and continued there.
 */
final class PaperModels {
    static final double[] TARGETS = {0.25, 0.4, 0.55};
    static final double[] TABLE_TARGETS = {0.25, 0.4};

    private final LanguageModel dense;
    private final Path work;
    private final ProgressObserver observer;
    private final List<String> documents;
    private final Map<String, Tuned> made = new LinkedHashMap<>();

    PaperModels(LanguageModel dense, List<String> documents, Path work, ProgressObserver observer) {
        this.dense = dense;
        this.documents = documents;
        this.work = work;
        this.observer = observer;
    }

    List<String> documents() {
        return documents;
    }

    private TuningOptions options(String name) {
        return TuningOptions.workshop()
                .withPacked(true)
                .withBatch(4, 256)
                .withSteps(Integer.getInteger("steps", 250))
                .withCheckpoints(work.resolve(name), 50);
    }

    Tuned routers(double target) {
        String name = "rt-" + Math.round(100 * target);
        return made.computeIfAbsent(name, key -> SkipGpt.tuneRouters(dense, documents, target, options(key), observer));
    }

    Tuned both(double target) {
        String name = "rtl-" + Math.round(100 * target);
        LanguageModel routed = routers(target).model();
        return made.computeIfAbsent(name, key -> SkipGpt.tuneLora(routed, documents, options(key), observer));
    }
}
