package org.skipgpt.eval;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Column;
import org.skipgpt.report.Html;
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
        String skipping = model.skips() ? " · " + model.policy().describe() : "";
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

    /**
     * Whether some of its questions or texts are those of the embedded world, which are made up and only bear the names
     * of the published data sets.
     */
    public boolean isOfWorld() {
        return Stream.concat(
                        tasks.stream().map(TaskResult::provenance),
                        perplexities.stream().map(Perplexity::provenance))
                .anyMatch(one -> WorldData.has(one.dataHash()));
    }

    /** Mean of the tasks' own metrics, 0..1; NaN without tasks, or where none of a task's questions was scored. */
    public double average() {
        return tasks.stream().mapToDouble(TaskResult::score).average().orElse(Double.NaN);
    }

    /** Records that could not be scored. */
    public int faults() {
        return tasks.stream().mapToInt(task -> task.faults().size()).sum();
    }

    /** One row a task: accuracies in percent with standard errors; column {@code metric} names that of the paper's tables. */
    public TextTable table() {
        TextTable table = TextTable.of(
                "",
                Column.text("task"),
                Column.number("shots", 0),
                Column.number("questions", 0),
                Column.number("acc (%)", 2),
                Column.number("acc_norm (%)", 2),
                Column.text("metric"),
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

    /** A share in percent with its standard error; NaN where no question was scored. */
    static Object percent(TaskResult task, double share) {
        return task.n() == 0 ? Double.valueOf(Double.NaN) : new Measured(100 * share, 100 * task.standardError(share));
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

    private String head() {
        String data = provenance.data().isEmpty() ? "" : ", data: " + Template.tail(provenance.data());
        return method + ", " + preset + data + (isComplete ? "" : ", stopped before the end");
    }

    /** What is said below the table, line by line. */
    private List<String> foot() {
        List<String> out = new ArrayList<>();
        String skipped = Double.isNaN(ratio)
                ? ""
                : String.format(Locale.ROOT, "%.1f %% of block parameters skipped", 100 * ratio);
        List<String> shares =
                Stream.of(averageShown(), skipped).filter(one -> !one.isEmpty()).toList();
        if (!shares.isEmpty()) {
            out.add(String.join(", ", shares));
        }
        perplexities.forEach(one -> out.add(String.format(
                Locale.ROOT,
                "%s: perplexity %.3f, %.4f bits a byte%s",
                one.data(),
                one.perplexity(),
                one.bitsPerByte(),
                one.isComplete() ? "" : ", of its first " + one.windows() + " windows")));
        int cut = tasks.stream().mapToInt(TaskResult::cut).sum();
        if (cut > 0) {
            out.add(cut + " questions longer than the model reads lost their beginning (column cut)");
        }
        if (faults() > 0) {
            out.add(faults() + " records could not be scored, the first:");
            tasks.stream()
                    .flatMap(task -> task.faults().stream())
                    .limit(3)
                    .forEach(fault -> out.add("  " + Template.head(fault.toString())));
        }
        return out;
    }

    private String averageShown() {
        List<TaskResult> scored = tasks.stream().filter(task -> task.n() > 0).toList();
        if (scored.isEmpty()) {
            return tasks.isEmpty() ? "" : "no question was scored";
        }
        double average =
                scored.stream().mapToDouble(TaskResult::score).average().orElse(Double.NaN);
        boolean isWhole = scored.size() == tasks.size() && tasks.stream().allMatch(TaskResult::isComplete);
        return String.format(Locale.ROOT, "average%s %.2f %%", isWhole ? "" : " of what was scored", 100 * average);
    }

    @Override
    public String text() {
        List<String> out = new ArrayList<>(List.of(head()));
        if (!tasks.isEmpty()) {
            out.add(table().text());
        }
        out.addAll(foot());
        return String.join("\n", out);
    }

    @Override
    public Optional<String> html() {
        StringBuilder out =
                new StringBuilder("<div><b>").append(Html.escape(head())).append("</b></div>");
        if (!tasks.isEmpty()) {
            table().html().ifPresent(out::append);
        }
        foot().forEach(line -> out.append("<div style=\"white-space:pre-wrap\">")
                .append(Html.escape(line))
                .append("</div>"));
        return Optional.of(out.toString());
    }

    @Override
    public String toString() {
        return text();
    }
}
