package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.report.Column;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;

/**
 * Rows of results in the layout of the paper's tables: method, ratio, the tasks, their average, perplexities and theirs.
 *
 * <p>Rows with other shots or other task versions are refused: presets never mix in one table.
 *
 * @param rows one a model
 */
public record Comparison(List<Row> rows) implements Report {
    /**
     * One model.
     *
     * @param method its name
     * @param ratio dropped share of block parameters, 0..1
     * @param tasks its task results, the same tasks in every row
     * @param perplexities its perplexities, the same texts in every row
     */
    public record Row(String method, double ratio, List<TaskResult> tasks, List<Perplexity> perplexities) {
        /** Copies the lists. */
        public Row {
            tasks = List.copyOf(tasks);
            perplexities = List.copyOf(perplexities);
        }

        private List<String> kinds() {
            List<String> kinds = new ArrayList<>();
            tasks.forEach(task -> kinds.add(
                    task.task().name() + " " + task.task().version() + " " + task.shots() + "-shot, n " + task.n()));
            perplexities.forEach(one -> kinds.add(one.data() + " " + one.window() + " " + one.options()));
            return kinds;
        }
    }

    /** Copies the rows and refuses what does not compare. */
    public Comparison {
        rows = List.copyOf(rows);
        for (Row row : rows) {
            if (!row.kinds().equals(rows.get(0).kinds())) {
                throw new IllegalArgumentException("rows of one table need the same tasks, shots and texts: "
                        + rows.get(0).method() + " has " + rows.get(0).kinds() + ", " + row.method() + " has "
                        + row.kinds() + "; make two tables");
            }
        }
    }

    /** A table of some rows. */
    public static Comparison of(Row... rows) {
        return new Comparison(List.of(rows));
    }

    /** The table: accuracies in percent with their standard errors. */
    public TextTable table() {
        List<Column> columns = new ArrayList<>(List.of(Column.text("method"), Column.number("ratio (%)", 1)));
        Row first = rows.isEmpty() ? new Row("", 0, List.of(), List.of()) : rows.get(0);
        first.tasks()
                .forEach(task -> columns.add(Column.number(task.task().name() + " " + task.shots() + "-shot", 2)
                        .higherIsBetter()));
        columns.add(Column.number("average", 2).higherIsBetter());
        first.perplexities()
                .forEach(
                        one -> columns.add(Column.number(one.data() + " ppl", 2).lowerIsBetter()));
        columns.add(Column.number("average ppl", 2).lowerIsBetter());
        TextTable table = TextTable.of("", columns);
        for (Row row : rows) {
            List<Object> cells = new ArrayList<>(List.of(row.method(), 100 * row.ratio()));
            row.tasks().forEach(task -> cells.add(100 * task.score()));
            cells.add(100
                    * row.tasks().stream()
                            .mapToDouble(TaskResult::score)
                            .average()
                            .orElse(Double.NaN));
            row.perplexities().forEach(one -> cells.add(one.perplexity()));
            cells.add(row.perplexities().stream()
                    .mapToDouble(Perplexity::perplexity)
                    .average()
                    .orElse(Double.NaN));
            table = table.withRow(cells.toArray());
        }
        return table;
    }

    /**
     * Whether two models differ on a task beyond chance: McNemar's exact test on the questions both were asked.
     *
     * @param onlyFirst questions only the first model got right
     * @param onlySecond questions only the second got right
     * @param p two-sided probability of so uneven a split under no difference, 0..1
     */
    public record McNemar(int onlyFirst, int onlySecond, double p) {
        /**
         * Compares two results of one task.
         *
         * @throws IllegalArgumentException if they are of different tasks or share no question
         */
        public static McNemar of(TaskResult first, TaskResult second) {
            if (!first.task().equals(second.task()) || first.shots() != second.shots()) {
                throw new IllegalArgumentException("results of " + first.task().name() + " and "
                        + second.task().name() + " do not pair; give two results of one task and shots");
            }
            Map<Integer, Integer> places = new HashMap<>();
            for (int i = 0; i < second.n(); i++) {
                places.put(second.items().get(i).place(), i);
            }
            int onlyFirst = 0;
            int onlySecond = 0;
            for (int i = 0; i < first.n(); i++) {
                Optional<Integer> other =
                        Optional.ofNullable(places.get(first.items().get(i).place()));
                if (other.isPresent() && first.isRight(i) != second.isRight(other.get())) {
                    onlyFirst += first.isRight(i) ? 1 : 0;
                    onlySecond += first.isRight(i) ? 0 : 1;
                }
            }
            return new McNemar(onlyFirst, onlySecond, twoSided(onlyFirst, onlySecond));
        }

        /** 2 P(X <= min(b, c)) for X binomial(b + c, 1/2), at most 1. */
        static double twoSided(int b, int c) {
            int n = b + c;
            double log = -n * Math.log(2); // log of C(n, 0) / 2^n
            double sum = 0;
            for (int k = 0; k <= Math.min(b, c); k++) {
                sum += Math.exp(log);
                log += Math.log(n - k) - Math.log(k + 1.0);
            }
            return Math.min(1, 2 * sum);
        }
    }

    @Override
    public String text() {
        return table().text();
    }

    @Override
    public String toString() {
        return text();
    }
}
