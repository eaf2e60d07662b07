package org.skipgpt.eval;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.Column;
import org.skipgpt.report.Measured;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;
import org.skipgpt.report.WholeFile;

/**
 * What one model reached on some tasks and texts under one preset.
 *
 * @param method what to call it in tables
 * @param preset examples before each question
 * @param ratio share of block parameters that took no part, averaged over the tokens of some of the questions; 0..1, NaN
 *     where the run was stopped
 * @param tasks one result a task
 * @param perplexities one a text
 * @param isComplete whether nothing is missing because the run was stopped
 * @param provenance what it was made from and on
 */
public record Evaluation(
        String method,
        Preset preset,
        double ratio,
        List<TaskResult> tasks,
        List<Perplexity> perplexities,
        boolean isComplete,
        Provenance provenance)
        implements Report {
    /** Copies the lists. */
    public Evaluation {
        tasks = List.copyOf(tasks);
        perplexities = List.copyOf(perplexities);
    }

    static String method(LanguageModel model) {
        String policy = model.policy().describe();
        String skipping = policy.equals(LayerPolicy.dense().describe()) ? "" : " · " + policy;
        return model.name() + skipping + (model.adapter().isPresent() ? " · LoRA" : "");
    }

    /** The same under another name. */
    public Evaluation named(String name) {
        return new Evaluation(name, preset, ratio, tasks, perplexities, isComplete, provenance);
    }

    /** The same with another ratio, for models that were made smaller rather than made to skip. */
    public Evaluation withRatio(double share) {
        return new Evaluation(method, preset, share, tasks, perplexities, isComplete, provenance);
    }

    /** The result of a task by its name. */
    public Optional<TaskResult> task(String name) {
        return tasks.stream().filter(one -> one.task().name().equals(name)).findFirst();
    }

    /** Mean of the tasks' own metrics, 0..1; NaN without tasks. */
    public double average() {
        return tasks.stream().mapToDouble(TaskResult::score).average().orElse(Double.NaN);
    }

    /** Records that could not be scored. */
    public int faults() {
        return tasks.stream().mapToInt(task -> task.faults().size()).sum();
    }

    /** One row a task: accuracies in percent with standard errors; the metric of the paper's tables is named. */
    public TextTable table() {
        TextTable table = TextTable.of(
                "",
                Column.text("task"),
                Column.number("shots", 0),
                Column.number("questions", 0),
                Column.number("acc (%)", 2),
                Column.number("acc_norm (%)", 2),
                Column.text("table metric"),
                Column.number("cut", 0),
                Column.number("not scored", 0),
                Column.number("seconds", 1));
        for (TaskResult task : tasks) {
            boolean choices = task.task().form() == TaskDescription.Form.CHOICES;
            table = table.withRow(
                    task.task().name(),
                    task.shots(),
                    task.n(),
                    percent(task, task.accuracy()),
                    choices ? percent(task, task.accuracyNorm()) : null,
                    task.task().metric().shown(),
                    task.cut(),
                    task.faults().size(),
                    task.provenance().seconds());
        }
        return table;
    }

    private static Measured percent(TaskResult task, double share) {
        return new Measured(100 * share, 100 * task.standardError(share));
    }

    /** Everything but the single questions. */
    public String json() {
        JsonObject out = new JsonObject();
        out.addProperty("method", method);
        out.addProperty("preset", preset.name());
        if (!Double.isNaN(ratio)) {
            out.addProperty("ratio", ratio);
        }
        out.addProperty("complete", isComplete);
        out.add("tasks", JsonParser.parseString(table().json()));
        JsonArray texts = new JsonArray();
        perplexities.forEach(one -> texts.add(one.json()));
        out.add("perplexities", texts);
        out.add("provenance", JsonParser.parseString(provenance.toJson()));
        return new GsonBuilder()
                .setPrettyPrinting()
                .disableHtmlEscaping()
                .serializeNulls()
                .create()
                .toJson(out);
    }

    /** Writes {@code evaluation.json}, {@code evaluation.csv} and one {@code <task>.jsonl} of questions a task. */
    public void save(Path folder) {
        WholeFile.write(folder.resolve("evaluation.json"), json() + "\n");
        WholeFile.write(folder.resolve("evaluation.csv"), table().csv());
        tasks.forEach(task -> task.save(folder.resolve(task.task().name() + ".jsonl")));
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder(
                String.format(Locale.ROOT, "%s, %s%s%n", method, preset, isComplete ? "" : ", stopped before the end"));
        if (!tasks.isEmpty()) {
            out.append(table().text()).append('\n');
            out.append(String.format(Locale.ROOT, "average %.2f %%", 100 * average()));
        }
        if (!Double.isNaN(ratio)) {
            out.append(String.format(
                    Locale.ROOT, "%s%.1f %% of block parameters skipped", tasks.isEmpty() ? "" : ", ", 100 * ratio));
        }
        perplexities.forEach(one -> out.append(String.format(
                Locale.ROOT,
                "%n%s: perplexity %.3f, %.4f bits a byte",
                one.data(),
                one.perplexity(),
                one.bitsPerByte())));
        int cut = tasks.stream().mapToInt(TaskResult::cut).sum();
        if (cut > 0) {
            out.append(String.format(
                    Locale.ROOT, "%n%d questions longer than the model reads lost their beginning (column cut)", cut));
        }
        if (faults() > 0) {
            out.append(String.format(Locale.ROOT, "%n%d records could not be scored, the first:", faults()));
            tasks.stream()
                    .flatMap(task -> task.faults().stream())
                    .limit(3)
                    .forEach(fault -> out.append("\n  ").append(Template.head(fault.toString())));
        }
        return out.toString();
    }

    @Override
    public Optional<String> html() {
        return tasks.isEmpty() ? Optional.empty() : table().html();
    }

    @Override
    public String toString() {
        return text();
    }
}
