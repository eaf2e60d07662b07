package org.skipgpt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Evaluator;
import org.skipgpt.eval.Preset;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

/** Finds what an evaluation is asked for and where its data is. */
final class Evaluations {
    private static final String DATA = "SKIPGPT_DATA";

    private Evaluations() {}

    static Evaluation run(
            LanguageModel model, EvaluationOptions options, ProgressObserver observer, List<String> what) {
        List<String> tasks = new ArrayList<>(what);
        List<String> presets = what.stream().filter(Preset::isNamed).toList();
        tasks.removeAll(presets);
        if (presets.size() > 1) {
            throw new IllegalArgumentException("presets never mix: " + presets + "; evaluate under one, then another");
        }
        EvaluationOptions chosen = presets.isEmpty() ? options : options.withPreset(presets.get(0));
        Evaluator evaluator = new Evaluator(model, options.data().orElseGet(Evaluations::data), chosen);
        return tasks.isEmpty() ? evaluator.runPreset(observer) : evaluator.run(tasks, observer);
    }

    private static Path data() {
        String set = System.getenv().getOrDefault(DATA, "");
        return set.isBlank() ? Checkpoints.world() : Path.of(set);
    }
}
