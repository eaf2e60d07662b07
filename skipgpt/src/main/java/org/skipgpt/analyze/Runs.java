package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RoutingTrace;

/** Runs a model over texts one by one, tells an observer, and stops at an interruption. */
final class Runs {
    private Runs() {}

    /** What is done with one text. */
    @FunctionalInterface
    interface Step<T> {
        T run(int[] ids);
    }

    static <T> List<T> each(String task, List<int[]> texts, ProgressObserver observer, Step<T> step) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException(task + " of no text: give at least one");
        }
        long start = System.nanoTime();
        List<T> out = new ArrayList<>();
        for (int[] ids : texts) {
            Interruption.check();
            out.add(step.run(ids));
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress(task, out.size(), texts.size(), "texts", seconds, ""));
        }
        return out;
    }

    static List<RoutingTrace> traces(String task, LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        return each(task, texts, observer, ids -> RoutingTrace.of(model, ids));
    }

    /** exp of the mean negative log-likelihood over all predicted tokens. */
    static double perplexity(String task, LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        double nats = 0;
        long predicted = 0;
        for (float[] scores : each(task, texts, observer, ids -> model.logProbabilities(ids)[0])) {
            for (float score : scores) {
                nats -= score;
            }
            predicted += scores.length;
        }
        return Math.exp(nats / predicted);
    }
}
