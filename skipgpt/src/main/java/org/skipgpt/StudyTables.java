package org.skipgpt;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.skipgpt.eval.Reported;
import org.skipgpt.eval.Tasks;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Measured;
import org.skipgpt.report.TextTable;

/** A study's rows as tables and figures. */
final class StudyTables {
    /** Marks a row that is more than half a point from what was asked for. */
    private static final String FAR = " *";

    private static final String LEARNED = "SkipGPT-RT-L";
    private static final String PLAIN = "SkipGPT-RT";

    private final Study study;
    private final Set<String> tasks = new LinkedHashSet<>();
    private final Set<String> texts = new LinkedHashSet<>();
    private final boolean compares;
    private final boolean costs;

    private StudyTables(Study study, List<StudyRow> rows) {
        this.study = study;
        rows.forEach(row -> {
            tasks.addAll(row.tasks().keySet());
            texts.addAll(row.perplexities().keySet());
        });
        this.compares = rows.stream().anyMatch(row -> reference(row).isPresent());
        this.costs = rows.stream().anyMatch(row -> row.cost().isPresent());
    }

    static TextTable of(Study study, List<StudyRow> rows, List<Reported> reported, String before) {
        StudyTables tables = new StudyTables(study, rows);
        Map<String, List<StudyRow>> groups = groups(rows);
        boolean far = rows.stream().anyMatch(row -> !row.isMatched());
        String machines = rows.stream()
                .map(row -> row.provenance().cpu())
                .filter(cpu -> !cpu.isEmpty())
                .distinct()
                .collect(Collectors.joining(" and "));
        String title = before
                + study.model()
                + (study.isComplete() ? "" : ", stopped before the end")
                + (far ? " ·" + FAR + " more than half a point from the wanted share" : "")
                + (tables.costs && !machines.isEmpty() ? " · times of " + machines : "");
        TextTable.Builder table = TextTable.builder(title, tables.columns());
        groups.values().forEach(group -> table.add(tables.cells(group)));
        TextTable built = table.build();
        for (Reported row : reported) {
            built = built.withReference(tables.cells(row));
        }
        return built;
    }

    private static Map<String, List<StudyRow>> groups(List<StudyRow> rows) {
        Map<String, List<StudyRow>> groups = new LinkedHashMap<>();
        rows.forEach(row ->
                groups.computeIfAbsent(row.group(), key -> new ArrayList<>()).add(row));
        return groups;
    }

    private List<Column> columns() {
        List<Column> columns = new ArrayList<>(List.of(
                Column.text("method"),
                Column.number("wanted (%)", 0),
                Column.number("blocks (%)", 1),
                Column.number("all (%)", 1),
                Column.number("off", 1),
                Column.number("seeds", 0)));
        tasks.forEach(task -> columns.add(Column.number(task, 2).higherIsBetter()));
        columns.add(Column.number("average", 2).higherIsBetter());
        if (compares) {
            columns.add(Column.number("p to SkipGPT", 4));
        }
        texts.forEach(text -> columns.add(Column.number(text + " ppl", 2).lowerIsBetter()));
        columns.add(Column.number("making s", 0));
        if (costs) {
            columns.add(Column.number("tuning s", 0));
            columns.add(Column.number("prefill x", 2));
            columns.add(Column.number("decode x", 2));
            columns.add(Column.number("spread (%)", 0));
            columns.add(Column.number("cache B/token", 0));
        }
        columns.add(Column.number("scoring s", 0));
        return columns;
    }

    private Object[] cells(List<StudyRow> group) {
        StudyRow first = group.get(0);
        double blocks = Study.mean(group, StudyRow::blocks);
        boolean far = group.stream().anyMatch(row -> !row.isMatched());
        List<Object> cells = new ArrayList<>(List.of(
                first.method() + (far ? FAR : ""),
                100 * first.wanted(),
                100 * blocks,
                100 * Study.mean(group, StudyRow::all),
                100 * (blocks - first.wanted()),
                group.size()));
        for (String task : tasks) {
            Optional<Measured> only =
                    group.size() == 1 ? Optional.ofNullable(first.tasks().get(task)) : Optional.empty();
            cells.add(
                    only.isPresent()
                            ? only.get()
                            : spread(
                                    group,
                                    row -> Optional.ofNullable(row.tasks().get(task))
                                            .map(Measured::value)
                                            .orElse(Double.NaN)));
        }
        cells.add(spread(group, StudyRow::average));
        if (compares) {
            cells.add(p(group));
        }
        texts.forEach(text -> cells.add(spread(group, row -> row.perplexities().getOrDefault(text, Double.NaN))));
        cells.add(Study.mean(group, StudyRow::madeSeconds));
        if (costs) {
            cells.add(cost(group, StudyCost::tuningSeconds));
            cells.add(cost(group, StudyCost::prefill));
            cells.add(cost(group, StudyCost::decode));
            cells.add(100 * cost(group, StudyCost::spread));
            cells.add(cost(group, StudyCost::cacheBytes));
        }
        cells.add(Study.mean(group, StudyRow::scoredSeconds));
        return cells.toArray();
    }

    private static double cost(List<StudyRow> group, ToDoubleFunction<StudyCost> value) {
        return Study.mean(group, row -> row.cost().map(value::applyAsDouble).orElse(Double.NaN));
    }

    // The paper's row in the columns that it has; of its two ratios it does not say which parameters are the whole.
    private Object[] cells(Reported row) {
        List<Object> cells = new ArrayList<>(
                List.of("paper: " + row.method(), row.ratio(), Double.NaN, Double.NaN, Double.NaN, Double.NaN));
        tasks.forEach(task -> cells.add(row.score(task)));
        cells.add(List.copyOf(tasks).equals(Tasks.PAPER) ? row.score("average") : Double.NaN);
        if (compares) {
            cells.add(Double.NaN);
        }
        texts.forEach(text -> cells.add(row.score(text)));
        for (int rest = costs ? 7 : 2; rest > 0; rest--) {
            cells.add(Double.NaN);
        }
        return cells.toArray();
    }

    /** SkipGPT's row that a row stands beside: with an adapter where it has one; empty for the reference itself and for dense rows. */
    private Optional<String> reference(StudyRow row) {
        String own = row.isAdapted() ? LEARNED : PLAIN;
        boolean there = study.rows().stream().anyMatch(one -> one.method().equals(own) && one.wanted() == row.wanted());
        return there && !row.method().equals(own) ? Optional.of(own) : Optional.empty();
    }

    // By chance: as in Study.significance; NaN where there is nothing to compare with.
    private double p(List<StudyRow> group) {
        Optional<String> own = reference(group.get(0));
        if (own.isEmpty() || group.stream().anyMatch(row -> row.answers().isEmpty())) {
            return Double.NaN;
        }
        List<StudyRow> ones = study.rows().stream()
                .filter(row -> row.method().equals(own.get())
                        && row.wanted() == group.get(0).wanted()
                        && !row.answers().isEmpty())
                .toList();
        List<StudyPair> pairs = StudyPair.of(ones, group);
        return pairs.isEmpty() ? Double.NaN : Study.bootstrap(pairs).p();
    }

    private static Object spread(List<StudyRow> group, ToDoubleFunction<StudyRow> value) {
        double mean = Study.mean(group, value);
        if (group.size() < 2 || Double.isNaN(mean)) {
            return mean;
        }
        double squares = group.stream()
                .mapToDouble(row -> Math.pow(value.applyAsDouble(row) - mean, 2))
                .sum();
        return new Measured(mean, Math.sqrt(squares / (group.size() - 1)));
    }

    static TextTable search(Study study) {
        TextTable.Builder table = TextTable.builder(
                "how rows came to their ratios",
                List.of(
                        Column.text("method"),
                        Column.number("seed", 0),
                        Column.number("wanted (%)", 0),
                        Column.number("blocks (%)", 2),
                        Column.number("off", 2),
                        Column.text("within 0.5"),
                        Column.text("knob"),
                        Column.number("stands at", 4),
                        Column.number("tries", 0)));
        for (StudyRow row : study.rows()) {
            if (row.wanted() == 0) {
                continue;
            }
            table.add(
                    row.method(),
                    row.seed(),
                    100 * row.wanted(),
                    100 * row.blocks(),
                    100 * row.off(),
                    row.isMatched() ? "yes" : "no",
                    row.search().map(StudySearch::knob).orElse("not told"),
                    row.search().map(StudySearch::value).orElse(Double.NaN),
                    row.search().map(one -> (double) one.tries()).orElse(Double.NaN));
        }
        return table.build();
    }

    static LinePlot curves(Study study) {
        LinePlot plot = LinePlot.of("What learned in " + study.model(), "step", "language loss, nats a token");
        for (List<StudyRow> group : groups(study.rows()).values()) {
            StudyRow first =
                    group.stream().min(Comparator.comparingLong(StudyRow::seed)).orElseThrow();
            if (first.curves().isEmpty()) {
                continue;
            }
            StudyCurve last = first.curves().get(first.curves().size() - 1);
            if (!last.steps().isEmpty()) {
                plot = plot.withLine(named(first), numbers(last.steps()), numbers(last.loss()));
            }
        }
        return plot;
    }

    private static String named(StudyRow row) {
        return row.wanted() == 0
                ? row.method()
                : row.method() + String.format(Locale.ROOT, " %.0f %%", 100 * row.wanted());
    }

    private static double[] numbers(List<Double> list) {
        return list.stream().mapToDouble(Double::doubleValue).toArray();
    }

    static LinePlot scaling(Study study, String text) {
        List<StudyRow> scored = study.rows().stream()
                .filter(row -> row.perplexities().containsKey(text))
                .toList();
        if (scored.isEmpty()) {
            throw new IllegalArgumentException("no row has a perplexity of \"" + text + "\"; there are "
                    + study.rows().stream()
                            .flatMap(row -> row.perplexities().keySet().stream())
                            .distinct()
                            .toList());
        }
        LinePlot plot = LinePlot.of("Perplexity of " + text, "block parameters skipped, %", "perplexity")
                .withLogY()
                .withMarkers();
        Map<String, List<double[]>> lines = new LinkedHashMap<>();
        for (List<StudyRow> group : groups(scored).values()) {
            lines.computeIfAbsent(group.get(0).method(), key -> new ArrayList<>())
                    .add(new double[] {
                        100 * Study.mean(group, StudyRow::blocks),
                        Study.mean(group, row -> row.perplexities().getOrDefault(text, Double.NaN))
                    });
        }
        for (Map.Entry<String, List<double[]>> line : lines.entrySet()) {
            List<double[]> points = line.getValue().stream()
                    .sorted(Comparator.comparingDouble(point -> point[0]))
                    .toList();
            plot = plot.withLine(
                    line.getKey(),
                    points.stream().mapToDouble(point -> point[0]).toArray(),
                    points.stream().mapToDouble(point -> point[1]).toArray());
        }
        return plot;
    }

    /** Whether anything learned. */
    static boolean hasCurves(Study study) {
        return study.rows().stream().anyMatch(row -> !row.curves().isEmpty());
    }
}
