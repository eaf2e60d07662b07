package org.skipgpt.eval;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.skipgpt.data.DataFault;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.WholeFile;
import org.skipgpt.torch.Torch;

/**
 * The scores of one task, question by question.
 *
 * @param model the model's name
 * @param task what was asked
 * @param shots examples before each question
 * @param items one record a question, in order
 * @param faults records that could not be scored
 * @param isComplete whether no question is missing because the run was stopped
 * @param provenance what the scores were made from and on
 */
public record TaskResult(
        String model,
        TaskDescription task,
        int shots,
        List<ItemScore> items,
        List<DataFault> faults,
        boolean isComplete,
        Provenance provenance)
        implements Report {
    /** Copies the lists. */
    public TaskResult {
        items = List.copyOf(items);
        faults = List.copyOf(faults);
    }

    static TaskResult of(
            LanguageModel model,
            TaskData data,
            ScoreOptions options,
            List<ItemScore> items,
            List<DataFault> faults,
            boolean complete,
            double seconds) {
        Provenance provenance = Provenance.of(options.toString())
                .withModel(model.name() + " · " + model.policy().describe(), model.hash())
                .withData(data.source(), data.hash())
                .withDevice(model.device().toString(), model.dtype().toString(), Torch.threads())
                .withSeconds(seconds);
        return new TaskResult(model.name(), data.task(), data.shots(), items, faults, complete, provenance);
    }

    /** How many questions were scored. */
    public int n() {
        return items.size();
    }

    /** How many of them are longer than the model reads at once: their beginning, examples first, was left out. */
    public int cut() {
        return (int) items.stream().filter(ItemScore::isCut).count();
    }

    /** Whether the question at a place was answered right by the task's own metric. */
    public boolean isRight(int place) {
        return isRight(items.get(place), task.metric());
    }

    private boolean isRight(ItemScore item, TaskDescription.Metric metric) {
        if (task.form() == TaskDescription.Form.WORD || task.form() == TaskDescription.Form.ANSWER) {
            return item.greedy()[0];
        }
        return (metric == TaskDescription.Metric.ACC ? item.pick() : item.pickNorm()) == item.gold();
    }

    /** Share of questions answered right, 0..1; NaN without questions. */
    public double accuracy() {
        return share(TaskDescription.Metric.ACC);
    }

    /** Share answered right after dividing by the number of characters; 0..1. */
    public double accuracyNorm() {
        return share(TaskDescription.Metric.ACC_NORM);
    }

    /** The task's own metric, 0..1. */
    public double score() {
        return share(task.metric());
    }

    /** Standard error of {@link #score}: sqrt(p (1-p) / (n-1)). */
    public double standardError() {
        return standardError(score());
    }

    /** Standard error of a share over these questions. */
    public double standardError(double share) {
        return n() < 2 ? Double.NaN : Math.sqrt(share * (1 - share) / (n() - 1));
    }

    private double share(TaskDescription.Metric metric) {
        long right = items.stream().filter(item -> isRight(item, metric)).count();
        return n() == 0 ? Double.NaN : (double) right / n();
    }

    /** exp of the mean negative log-likelihood of the right text; LAMBADA's perplexity; NaN where answers were generated. */
    public double goldPerplexity() {
        if (task.form() == TaskDescription.Form.ANSWER) {
            return Double.NaN;
        }
        return Math.exp(-items.stream()
                .mapToDouble(item -> item.logLikelihoods()[item.gold()])
                .average()
                .orElse(Double.NaN));
    }

    /** One JSON object a question. */
    public String jsonl() {
        StringBuilder out = new StringBuilder();
        items.forEach(item -> out.append(item.toJson()).append('\n'));
        return out.toString();
    }

    /** Writes {@link #jsonl} to a file. */
    public void save(Path file) {
        WholeFile.write(file, jsonl());
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "%s on %s%s: %d questions, %d-shot, %.1f s%s%n",
                model,
                task.name(),
                WorldData.mark(provenance.dataHash()),
                n(),
                shots,
                provenance.seconds(),
                isComplete ? "" : ", stopped before the end"));
        String shown = task.form() == TaskDescription.Form.ANSWER ? "exact match" : "acc      ";
        out.append(String.format(Locale.ROOT, "  %s %.4f ± %.4f", shown, accuracy(), standardError(accuracy())));
        if (task.form() == TaskDescription.Form.CHOICES) {
            out.append(String.format(
                    Locale.ROOT, "%n  acc_norm  %.4f ± %.4f", accuracyNorm(), standardError(accuracyNorm())));
        }
        if (task.form() == TaskDescription.Form.WORD) {
            out.append(String.format(Locale.ROOT, "%n  perplexity of the word  %.2f", goldPerplexity()));
        }
        if (cut() > 0) {
            out.append(String.format(
                    Locale.ROOT, "%n  %d questions longer than the model reads lost their beginning", cut()));
        }
        if (!faults.isEmpty()) {
            out.append(String.format(Locale.ROOT, "%n  %d records could not be scored:", faults.size()));
            faults.stream().limit(10).forEach(fault -> out.append("\n    ").append(fault));
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
