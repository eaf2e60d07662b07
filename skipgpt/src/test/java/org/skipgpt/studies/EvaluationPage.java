package org.skipgpt.studies;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.WholeFile;

/**
 * Scores every question of every file of a data folder and writes the table as markdown, and what was found of every
 * question beside it. A measurement, not a test:
 *
 * <pre>
 * java org.skipgpt.studies.EvaluationPage DATA MODEL OUT.md WHAT...
 * </pre>
 *
 * with a preset, or names of tasks and texts.
 */
final class EvaluationPage {
    private EvaluationPage() {}

    public static void main(String[] arguments) {
        Path data = Path.of(arguments[0]);
        Path out = Path.of(arguments[2]);
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        Workspace.open("cpu", "fp32");
        var model = SkipGpt.load(arguments[1]);
        String[] what = Arrays.copyOfRange(arguments, 3, arguments.length);
        EvaluationOptions options =
                EvaluationOptions.defaults().withData(data).withStore(Path.of(out + ".scores.jsonl"));
        Evaluation result = SkipGpt.evaluate(model, List.of(what), options, ConsoleObserver.on(System.err));
        StringBuilder page = new StringBuilder();
        page.append(model).append("\n\n").append(result.table().markdown()).append("\n");
        page.append(String.format(Locale.ROOT, "%nload average at the start %.1f%n%n", load));
        result.task("lambada")
                .ifPresent(task -> page.append("LAMBADA, perplexity of the word: ")
                        .append(String.format(Locale.ROOT, "%.1f%n%n", task.goldPerplexity())));
        result.perplexities().forEach(one -> page.append(one).append("\n\n"));
        result.tasks()
                .forEach(task ->
                        task.faults().forEach(fault -> page.append(fault).append('\n')));
        page.append(result.provenance());
        WholeFile.write(out, page + "\n");
        result.save(Path.of(out + ".results"));
        Workspace.current().close();
    }
}
