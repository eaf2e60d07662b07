package org.skipgpt.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.skipgpt.plot.Dataframe;
import org.skipgpt.report.Column;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;
import org.skipgpt.report.WholeFile;
import tech.tablesaw.api.Table;

/**
 * Models side by side in the layout of the paper's tables: method, ratio, the tasks, their average, perplexities and
 * theirs.
 *
 * <p>Rows under other presets, of other questions or task versions are refused: they never mix in one table.
 *
 * <pre>{@code
 * Comparison table = Comparison.of(dense, pruned, routed).withReported("LLaMA2-7B");
 * table.significance(dense.method(), routed.method());
 * }</pre>
 *
 * @param rows one a model
 * @param reported rows of the paper, shown apart and never marked as best
 */
public record Comparison(List<Evaluation> rows, List<Reported> reported) implements Report {
    private static final int DRAWS = 2000;
    private static final long SEED = 1234;

    /** Copies the rows and refuses what does not compare. */
    public Comparison {
        rows = List.copyOf(rows);
        reported = List.copyOf(reported);
        Optional<Evaluation> madeUp =
                rows.stream().filter(Evaluation::isOfWorld).findFirst();
        if (madeUp.isPresent() && !reported.isEmpty()) {
            throw new IllegalArgumentException("the paper's rows do not go beside \""
                    + madeUp.get().method() + "\": its questions are those of the " + WorldData.NAME
                    + ", not of the data sets; give the published ones with EvaluationOptions.withData or SKIPGPT_DATA,"
                    + " or look at the paper's rows alone with Reported.of(\""
                    + reported.get(0).model() + "\")");
        }
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("a table of no row; give at least one evaluation");
        }
        Evaluation first = rows.get(0);
        for (Evaluation row : rows) {
            if (!row.preset().equals(first.preset())) {
                throw new IllegalArgumentException("presets never mix in one table: " + first.method() + " is "
                        + first.preset() + ", " + row.method() + " is " + row.preset() + "; make two tables");
            }
            if (!kinds(row).equals(kinds(first))) {
                throw new IllegalArgumentException("rows of one table need the same tasks, questions and texts: "
                        + first.method() + " has " + kinds(first) + ", " + row.method() + " has " + kinds(row)
                        + "; make two tables");
            }
        }
    }

    private static List<String> kinds(Evaluation row) {
        List<String> kinds = new ArrayList<>();
        row.tasks()
                .forEach(task -> kinds.add(task.task().name() + " "
                        + task.task().version() + " " + task.shots() + "-shot, n " + task.n()
                        + WorldData.mark(task.provenance().dataHash())));
        row.perplexities()
                .forEach(one -> kinds.add(one.data() + " " + one.window() + " " + one.options()
                        + WorldData.mark(one.provenance().dataHash())));
        return kinds;
    }

    /** A table of some rows. */
    public static Comparison of(Evaluation... rows) {
        return new Comparison(List.of(rows), List.of());
    }

    /**
     * The same with the paper's rows for a model below, marked as reported.
     *
     * @param model {@code LLaMA2-7B}, {@code LLaMA2-13B} or {@code LLaMA3.1-8B}
     * @throws IllegalArgumentException if the paper has no such model, or the rows are of the embedded world's questions
     */
    public Comparison withReported(String model) {
        return new Comparison(rows, Reported.of(model));
    }

    /** The table: accuracies in percent with their standard errors, then perplexities. */
    public TextTable table() {
        Evaluation first = rows.get(0);
        List<Column> columns = new ArrayList<>(List.of(Column.text("method"), Column.number("ratio (%)", 1)));
        for (TaskResult task : first.tasks()) {
            columns.add(Column.number(
                            task.task().name() + " " + task.task().metric().shown(), 2)
                    .higherIsBetter());
        }
        if (!first.tasks().isEmpty()) {
            columns.add(Column.number("average", 2).higherIsBetter());
        }
        for (Perplexity one : first.perplexities()) {
            columns.add(Column.number(one.data() + " ppl", 2).lowerIsBetter());
        }
        if (!first.perplexities().isEmpty()) {
            columns.add(Column.number("average ppl", 2).lowerIsBetter());
        }
        TextTable table = TextTable.of(title(), columns);
        for (Evaluation row : rows) {
            List<Object> cells = new ArrayList<>(List.of(named(row), 100 * row.ratio()));
            row.tasks().forEach(task -> cells.add(Evaluation.percent(task, task.score())));
            if (!row.tasks().isEmpty()) {
                cells.add(100 * row.average());
            }
            row.perplexities().forEach(one -> cells.add(one.perplexity()));
            if (!row.perplexities().isEmpty()) {
                cells.add(mean(
                        row.perplexities().stream().map(Perplexity::perplexity).toList()));
            }
            table = table.withRow(cells.toArray());
        }
        for (Reported row : reported) {
            table = table.withReference(cells(first, row));
        }
        return table;
    }

    private static String named(Evaluation row) {
        return row.method() + (row.isComplete() ? "" : ", stopped");
    }

    private String title() {
        String data = rows.stream()
                .map(row -> row.provenance().data())
                .filter(one -> !one.isEmpty())
                .distinct()
                .collect(Collectors.joining(" and "));
        return rows.get(0).preset() + shots(rows.get(0)) + (data.isEmpty() ? "" : "; data: " + Template.tail(data));
    }

    private static Object[] cells(Evaluation like, Reported row) {
        List<Object> cells = new ArrayList<>(List.of(row.method() + " (" + row.model() + ")", row.ratio()));
        like.tasks().forEach(task -> cells.add(row.score(task.task().name())));
        if (!like.tasks().isEmpty()) {
            boolean same = like.tasks().stream()
                    .map(task -> task.task().name())
                    .toList()
                    .equals(Tasks.PAPER);
            cells.add(same ? row.score("average") : Double.NaN);
        }
        like.perplexities().forEach(one -> cells.add(row.score(one.data())));
        if (!like.perplexities().isEmpty()) {
            cells.add(like.perplexities().size() == 2 ? row.score("average_ppl") : Double.NaN);
        }
        return cells.toArray();
    }

    private static String shots(Evaluation row) {
        List<Integer> shots = row.tasks().stream().map(TaskResult::shots).toList();
        return shots.stream().distinct().count() < 2 ? "" : "; shots " + shots;
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }

    /**
     * Whether two rows differ beyond chance: McNemar's exact test for each task, by the questions that only one of the
     * two got right; a paired bootstrap for the average and for
     * each perplexity (on the mean nats of its windows).
     *
     * @param first a row's method
     * @param second another's
     */
    public TextTable significance(String first, String second) {
        Evaluation a = row(first);
        Evaluation b = row(second);
        TextTable table = TextTable.of(
                a.method() + " against " + b.method(),
                Column.text("on"),
                Column.number("difference", 2),
                Column.number("95 % low", 2),
                Column.number("95 % high", 2),
                Column.number("only first", 0),
                Column.number("only second", 0),
                Column.number("p", 4),
                Column.text("test"));
        List<double[]> groups = new ArrayList<>();
        for (int i = 0; i < a.tasks().size(); i++) {
            TaskResult x = a.tasks().get(i);
            TaskResult y = b.tasks().get(i);
            McNemar test = McNemar.of(x, y);
            groups.add(Arrays.stream(McNemar.differences(x, y)).asDoubleStream().toArray());
            table = table.withRow(
                    x.task().name() + " (points)",
                    100 * (x.score() - y.score()),
                    null,
                    null,
                    test.onlyFirst(),
                    test.onlySecond(),
                    test.p(),
                    "McNemar");
        }
        if (!groups.isEmpty()) {
            PairedBootstrap all = PairedBootstrap.of(groups, DRAWS, SEED);
            table = table.withRow(
                    "average (points)",
                    100 * all.difference(),
                    100 * all.low(),
                    100 * all.high(),
                    null,
                    null,
                    all.p(),
                    "bootstrap");
        }
        for (int i = 0; i < a.perplexities().size(); i++) {
            Perplexity x = a.perplexities().get(i);
            PairedBootstrap one =
                    PairedBootstrap.of(List.of(x.differences(b.perplexities().get(i))), DRAWS, SEED);
            table = table.withRow(
                    x.data() + " (nats/token)",
                    one.difference(),
                    one.low(),
                    one.high(),
                    null,
                    null,
                    one.p(),
                    "bootstrap");
        }
        return table;
    }

    private Evaluation row(String method) {
        return rows.stream()
                .filter(row -> row.method().equals(method))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no row \"" + method + "\" in this table; it has "
                        + rows.stream().map(Evaluation::method).toList()));
    }

    /** A pipe table, its title in a line of its own below. */
    public String markdown() {
        return table().markdown() + "\n\n" + title();
    }

    /** A booktabs tabular. */
    public String latex() {
        return table().latex();
    }

    /** Comma-separated rows, all digits. */
    public String csv() {
        return table().csv();
    }

    /** An array of one object a row, all digits. */
    public String json() {
        return table().json();
    }

    /** A Tablesaw table. */
    public Table dataframe() {
        return Dataframe.of(table());
    }

    /** Writes the table by its file's ending, .md, .tex, .csv or .json, with the first row's provenance beside it. */
    public void save(Path file) {
        String name = String.valueOf(file.getFileName());
        String text = switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "md" -> markdown();
            case "tex" -> latex();
            case "csv" -> csv();
            case "json" -> json();
            default ->
                throw new IllegalArgumentException(
                        "\"" + name + "\" has an ending that names no format: use .md, .tex, .csv or .json");
        };
        WholeFile.write(file, text.endsWith("\n") ? text : text + "\n");
        rows.get(0).provenance().saveBeside(file);
    }

    @Override
    public String text() {
        return table().text();
    }

    @Override
    public Optional<String> html() {
        return table().html();
    }

    @Override
    public String toString() {
        return text();
    }
}
