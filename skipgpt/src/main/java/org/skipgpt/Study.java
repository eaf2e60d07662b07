package org.skipgpt;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.ToDoubleFunction;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.PairedBootstrap;
import org.skipgpt.eval.Reported;
import org.skipgpt.io.Claims;
import org.skipgpt.io.SharedWork;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.RoutingTrace;

/**
 * Every method on one model, one data set and one way of scoring: the paper's Tables 1 and 2.
 *
 * <p>A row is one method at one ratio and seed. A finished row lies in the study's folder under what decides its numbers and is
 * not made again; one that was stopped loses what it had not kept, at most the steps since a run's last checkpoint and the
 * question being scored. Several processes may share a folder: each row is claimed by one of them, what a process that died had
 * claimed is made by another, and each returns the whole table.
 *
 * <p>Ratios are measured on the last texts that are learned from, which no row learned: share of the dense model's parameters
 * that a token does without, whatever the method. Where whole layers or heads do not come nearer, column {@code off} says how
 * far a row is from what was asked for; rows more than half a point apart do not compare.
 *
 * <pre>{@code
 * Study table = study(model, StudyOptions.workshop(Path.of("study"), text, documents), observer);
 * table.save(Path.of("table.md"));
 * }</pre>
 *
 * @param model the dense model
 * @param rows finished rows, in the order of the methods
 * @param isComplete whether no row is missing because the study was stopped
 */
public record Study(String model, List<StudyRow> rows, boolean isComplete) implements Report {
    private static final int DRAWS = 2000;
    private static final long DRAW_SEED = 1234;

    /** Copies the list. */
    public Study {
        rows = List.copyOf(rows);
    }

    /**
     * Makes the rows that are missing; an interrupted thread ends the study and keeps what is done.
     *
     * @param base a dense model of the open workspace
     */
    public static Study run(LanguageModel base, StudyOptions options, ProgressObserver observer) {
        return running(base, options, observer).run();
    }

    /** A study that has not begun. */
    static Running running(LanguageModel base, StudyOptions options, ProgressObserver observer) {
        if (base.skips() || base.adapter().isPresent()) {
            throw new IllegalArgumentException("a study begins with a dense model, but this one is "
                    + base.policy().describe() + (base.adapter().isPresent() ? " with an adapter" : ""));
        }
        return new Running(base, options, observer);
    }

    /** One row of the plan. */
    private record Cell(StudyMethod method, double ratio, long seed) {}

    /** A study under way. */
    static final class Running {
        private final LanguageModel base;
        private final StudyOptions options;
        private final ProgressObserver observer;
        private final String hash;
        private final int[][] held;
        private final List<CellPart> parts;

        Running(LanguageModel base, StudyOptions options, ProgressObserver observer) {
            this.base = base;
            this.options = options;
            this.observer = observer;
            this.hash = base.hash();
            this.held = StudyMaterial.kept(options.documents()).stream()
                    .map(base.tokenizer()::encodeWithBos)
                    .map(ids -> Arrays.copyOf(
                            ids, Math.min(ids.length, base.config().maxPositions())))
                    .toArray(int[][]::new);
            this.parts = cells().stream().map(CellPart::new).toList();
        }

        Study run() {
            try (Claims claims = claims()) {
                return study(SharedWork.run(claims, parts, new StudyProgress(parts.size(), observer)));
            }
        }

        List<CellPart> parts() {
            return parts;
        }

        Claims claims() {
            return Claims.of(options.folder().resolve("claims"));
        }

        Study study(List<Optional<StudyRow>> rows) {
            List<StudyRow> made = rows.stream().flatMap(Optional::stream).toList();
            return new Study(base.name(), made, made.size() == rows.size());
        }

        private Set<Cell> cells() {
            Set<Cell> cells = new LinkedHashSet<>();
            for (StudyMethod method : options.methods()) {
                for (double ratio : options.ratios()) {
                    for (long seed : options.seeds()) {
                        cells.add(new Cell(method, method.skips() ? ratio : 0, method.draws() ? seed : 0));
                    }
                }
            }
            return cells;
        }

        /** A cell among those that several processes make. */
        final class CellPart implements SharedWork.Part<StudyRow> {
            private final Cell cell;
            private final Path file;

            CellPart(Cell cell) {
                this.cell = cell;
                this.file = Running.this.file(cell);
            }

            Path file() {
                return file;
            }

            StudyCell cell() {
                return new StudyCell(cell.method().name(), cell.ratio(), cell.seed(), name());
            }

            @Override
            public String name() {
                return String.valueOf(file.getFileName()).replaceAll("\\.json$", "");
            }

            @Override
            public Optional<StudyRow> kept() {
                return Files.exists(file) ? Optional.of(StudyRow.open(file)) : Optional.empty();
            }

            @Override
            public Optional<StudyRow> make() {
                Optional<StudyRow> made = row(cell);
                made.ifPresent(row -> row.save(file));
                return made;
            }
        }

        private Path file(Cell cell) {
            String key = Sha256.of(identity(cell).json()).substring(0, 10);
            String name = StudyMaterial.slug(cell.method().name() + " " + cell.ratio() + " " + cell.seed());
            return options.folder().resolve("rows").resolve(name + "-" + key + ".json");
        }

        // Where runs of the same settings lie, whichever row began them.
        private Path runs(Cell cell) {
            Identity settings =
                    options.identity("any", cell.ratio(), cell.seed()).with("model", hash);
            return options.folder()
                    .resolve("runs")
                    .resolve(Sha256.of(settings.json()).substring(0, 10));
        }

        private StudyMaterial material(Cell cell, StudyNotes notes) {
            return new StudyMaterial(
                    cell.ratio(),
                    cell.seed(),
                    List.of(options.calibration()),
                    options.documents(),
                    options.tuning(),
                    runs(cell),
                    observer,
                    notes);
        }

        private Identity identity(Cell cell) {
            return options.identity(cell.method().name(), cell.ratio(), cell.seed())
                    .with("model", hash);
        }

        // Empty where the thread was interrupted.
        private Optional<StudyRow> row(Cell cell) {
            try {
                Interruption.check();
                long start = System.nanoTime();
                StudyNotes notes = new StudyNotes();
                LanguageModel made = cell.method().maker().make(base, material(cell, notes));
                double seconds = (System.nanoTime() - start) / 1e9;
                Interruption.check();
                EvaluationOptions how =
                        options.evaluation().withStore(options.folder().resolve("scores.jsonl"));
                Evaluation found = Evaluations.run(
                        made.named(base.name() + " " + cell.method().name()), how, observer, List.of());
                if (!found.isComplete()) {
                    return Optional.empty();
                }
                RoutingTrace trace = RoutingTrace.joined(Arrays.stream(held)
                        .map(ids -> RoutingTrace.of(made, ids))
                        .toList());
                StudyRow row = StudyRow.of(
                        cell.method(), cell.ratio(), cell.seed(), base, made, trace, found, seconds, identity(cell));
                return Optional.of(row.with(StudyCost.of(base, made, held, notes.seconds()), notes));
            } catch (CancellationException e) {
                return Optional.empty();
            }
        }
    }

    /**
     * One row a method and ratio: the mean over seeds, and where there are several the standard deviation over them. Where the model is
     * one of the paper's, its own rows stand below, marked.
     */
    public TextTable table() {
        return StudyTables.of(this, rows, Reported.like(model), "");
    }

    /**
     * The paper's Table 1, models whose weights learned nothing, or its Table 2, those with an adapter; the dense model in both.
     *
     * @param number 1 or 2
     */
    public TextTable table(int number) {
        if (number != 1 && number != 2) {
            throw new IllegalArgumentException("the paper has Tables 1 and 2 of methods, not " + number);
        }
        List<StudyRow> own = rows.stream()
                .filter(row -> row.isDense() || row.isAdapted() == (number == 2))
                .toList();
        List<Reported> theirs = Reported.like(model).stream()
                .filter(row -> row.table() == number)
                .toList();
        return StudyTables.of(this, own, theirs, "Table " + number + ": ");
    }

    /** How each row came to its ratio: what was turned, where it stands, what came of it and how many settings were looked at. */
    public TextTable search() {
        return StudyTables.search(this);
    }

    /** The language loss of what learned over its steps, of each method and ratio's first seed: the paper's Figure 4. */
    public LinePlot curves() {
        return StudyTables.curves(this);
    }

    /**
     * Perplexity of a text over the share of block parameters that is skipped, a line a method: the paper's Figure 7 for all methods.
     *
     * @param text a text of the study, e.g. {@code wikitext2}
     */
    public LinePlot scaling(String text) {
        return StudyTables.scaling(this, text);
    }

    /**
     * Whether other rows answer better or worse by more than luck: difference of the averages over the tasks in points, other
     * minus this one, its 95 % interval and p by drawing questions again (each task's own, 2,000 times). Rows of several
     * seeds are paired by seed, and a question counts by its mean.
     *
     * @param method a method of the study, at each of its ratios
     * @throws IllegalArgumentException if it has no row, or rows of an earlier version, which kept no answers
     */
    public TextTable significance(String method) {
        List<StudyRow> own =
                rows.stream().filter(row -> row.method().equals(method)).toList();
        if (own.isEmpty()) {
            throw new IllegalArgumentException("no row of \"" + method + "\"; there are "
                    + rows.stream().map(StudyRow::method).distinct().toList());
        }
        TextTable.Builder table = TextTable.builder(
                "against " + method,
                List.of(
                        Column.text("method"),
                        Column.number("wanted (%)", 0),
                        Column.number("pairs", 0),
                        Column.number("difference", 2),
                        Column.number("95 % low", 2),
                        Column.number("95 % high", 2),
                        Column.number("p", 4)));
        for (double wanted :
                own.stream().mapToDouble(StudyRow::wanted).distinct().toArray()) {
            Map<String, List<StudyRow>> others = new LinkedHashMap<>();
            rows.stream()
                    .filter(row -> !row.method().equals(method) && (row.wanted() == wanted || row.wanted() == 0))
                    .forEach(row -> others.computeIfAbsent(row.method(), key -> new ArrayList<>())
                            .add(row));
            for (Map.Entry<String, List<StudyRow>> other : others.entrySet()) {
                List<StudyPair> pairs = StudyPair.of(
                        own.stream().filter(row -> row.wanted() == wanted).toList(), other.getValue());
                if (pairs.isEmpty()) {
                    continue; // a stopped study: no seed that both have
                }
                PairedBootstrap found = bootstrap(pairs);
                table.add(
                        other.getKey(),
                        100 * wanted,
                        pairs.size(),
                        100 * found.difference(),
                        100 * found.low(),
                        100 * found.high(),
                        found.p());
            }
        }
        return table.build();
    }

    static PairedBootstrap bootstrap(List<StudyPair> pairs) {
        return PairedBootstrap.of(StudyPair.differences(pairs), DRAWS, DRAW_SEED);
    }

    /** The average over the tasks of every method, a colour a ratio; dense rows stand at their own. */
    public BarPlot figure() {
        List<String> methods = rows.stream().map(StudyRow::method).distinct().toList();
        BarPlot plot = BarPlot.of("Every method of the study", "method", "average, %", methods);
        for (double wanted :
                rows.stream().mapToDouble(StudyRow::wanted).distinct().toArray()) {
            double[] averages = methods.stream()
                    .mapToDouble(method -> mean(
                            rows.stream()
                                    .filter(row -> row.method().equals(method) && row.wanted() == wanted)
                                    .toList(),
                            StudyRow::average))
                    .toArray();
            String name = wanted == 0 ? "nothing skipped" : String.format(Locale.ROOT, "%.0f %%", 100 * wanted);
            plot = plot.withBars(name, averages);
        }
        return plot;
    }

    static double mean(List<StudyRow> group, ToDoubleFunction<StudyRow> value) {
        return group.stream().mapToDouble(value).average().orElse(Double.NaN);
    }

    /** A pipe table. */
    public String markdown() {
        return table().markdown();
    }

    /** Comma-separated rows, all digits. */
    public String csv() {
        return table().csv();
    }

    /** Writes the table by its file's ending: .md, .csv, .tex, .json or .txt. */
    public void save(Path file) {
        table().save(file);
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
