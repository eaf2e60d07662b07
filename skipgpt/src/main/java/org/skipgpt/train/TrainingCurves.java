package org.skipgpt.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.plot.Panels;
import org.skipgpt.plot.PictureSize;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;

/**
 * What runs measured at each step, over each other: losses, skipped shares, temperature, learning rate (SkipGPT, 2025,
 * figure 4).
 *
 * <pre>{@code
 * curves(first, second).figure("LM loss").save(Path.of("loss.png"));
 * }</pre>
 *
 * @param curves one a run
 * @param smoothing steps averaged in pictures; 1 for none
 */
public record TrainingCurves(List<Curve> curves, int smoothing) implements Finding {
    /** Quantities worth a picture, in this order. */
    private static final List<String> SHOWN = List.of(
            "loss",
            "LM loss",
            "KL to dense",
            "held-out loss",
            "r",
            "s_attn",
            "s_mlp",
            "penalty",
            "tau",
            "learning rate");

    private static final List<String> LOSSES = List.of("loss", "LM loss", "KL to dense", "held-out loss");
    private static final List<String> SHARES = List.of("r", "s_attn", "s_mlp");
    private static final int SMOOTHED_PART = 40;

    /**
     * One run.
     *
     * @param name as the legend shows it
     * @param log a row a step
     * @param settings as its record prints itself
     */
    public record Curve(String name, TrainingLog log, String settings) {}

    /** Copies the list and checks the names. */
    public TrainingCurves {
        curves = List.copyOf(curves);
        List<String> names = curves.stream().map(Curve::name).toList();
        if (curves.isEmpty() || names.stream().distinct().count() < names.size()) {
            throw new IllegalArgumentException("runs " + names + ": expected at least one, each with its own name");
        }
    }

    /** Curves of some runs by their tasks; runs of one task are numbered. Smoothed over a fortieth of the longest. */
    public static TrainingCurves of(TrainingRun... runs) {
        List<Curve> curves = new ArrayList<>();
        for (TrainingRun run : runs) {
            curves.add(curve(run.task(), run, curves));
        }
        return new TrainingCurves(curves, smoothing(curves));
    }

    /** The same of tunings by their methods; those of one method are told apart by the share of modules they skip. */
    public static TrainingCurves of(Tuned... tuned) {
        List<Curve> curves = new ArrayList<>();
        for (Tuned one : tuned) {
            boolean isAlone = Arrays.stream(tuned)
                            .filter(other -> other.method().equals(one.method()))
                            .count()
                    == 1;
            double skipped = 100 * one.sparsity().cost().modules();
            String name = isAlone ? one.method() : String.format(Locale.ROOT, "%s %.0f %%", one.method(), skipped);
            curves.add(curve(name, one.run(), curves));
        }
        return new TrainingCurves(curves, smoothing(curves));
    }

    private static Curve curve(String name, TrainingRun run, List<Curve> before) {
        long same = before.stream()
                .filter(c -> c.name().equals(name) || c.name().matches(Pattern.quote(name) + " \\d+"))
                .count();
        return new Curve(
                same == 0 ? name : name + " " + (same + 1),
                run.log(),
                run.config().toString());
    }

    /** Curves with one more run, under a name of its own. */
    public TrainingCurves with(String name, TrainingRun run) {
        List<Curve> more = new ArrayList<>(curves);
        more.add(new Curve(name, run.log(), run.config().toString()));
        return new TrainingCurves(more, smoothing(more));
    }

    /** The curve of one run under a name of its own. */
    public static TrainingCurves of(String name, TrainingRun run) {
        return of(name, run.log(), run.config().toString());
    }

    static TrainingCurves of(String name, TrainingLog log, String settings) {
        List<Curve> curves = List.of(new Curve(name, log, settings));
        return new TrainingCurves(curves, smoothing(curves));
    }

    private static int smoothing(List<Curve> curves) {
        int longest = curves.stream().mapToInt(c -> c.log().rows().size()).max().orElse(0);
        return Math.max(1, longest / SMOOTHED_PART);
    }

    /** Averaged over other numbers of steps in pictures. */
    public TrainingCurves withSmoothing(int steps) {
        return new TrainingCurves(curves, steps);
    }

    /** Names of everything any run measured. */
    public Set<String> columns() {
        Set<String> names = new LinkedHashSet<>();
        curves.forEach(curve -> names.addAll(curve.log().columns()));
        names.remove("step");
        return names;
    }

    /**
     * Some quantities of all runs that measured them, in one picture.
     *
     * @param quantities some of {@link #columns}, of one unit
     * @throws IllegalArgumentException if no run measured one of them
     */
    public LinePlot figure(String... quantities) {
        return titled(String.join(", ", quantities), quantities);
    }

    LinePlot titled(String title, String... quantities) {
        LinePlot plot = LinePlot.of(title, "step", label(quantities));
        for (String column : quantities) {
            if (!columns().contains(column)) {
                throw new IllegalArgumentException(
                        "no run measured \"" + column + "\": expected one of " + String.join(", ", columns()));
            }
            for (Curve curve : curves) {
                if (curve.log().columns().contains(column)) {
                    double[] done = Arrays.stream(curve.log().steps(column))
                            .map(step -> step + 1)
                            .toArray();
                    String both = curves.size() == 1 ? column : curve.name() + " · " + column;
                    String name = quantities.length == 1 ? curve.name() : both;
                    plot = plot.withLine(name, done, curve.log().column(column));
                }
            }
        }
        return plot.withSmoothing(smoothing);
    }

    private static String label(String... quantities) {
        List<String> all = List.of(quantities);
        if (all.stream().allMatch(name -> name.contains("loss"))) {
            return "nats per token";
        }
        return all.stream().allMatch(SHARES::contains) ? "skipped share" : String.join(", ", all);
    }

    /** Losses on the left, skipped shares on the right: small enough to be drawn while a run goes on. */
    public Figure overview() {
        List<Figure> panels = new ArrayList<>();
        for (List<String> group : List.of(LOSSES, SHARES)) {
            String[] moving = group.stream()
                    .filter(column -> columns().contains(column) && moves(column))
                    .toArray(String[]::new);
            if (moving.length > 0) {
                panels.add(figure(moving).withSize(new PictureSize(560, 300, 1)));
            }
        }
        return Panels.of("Training", 2, panels);
    }

    /** Loss, skipped shares, penalty, temperature and learning rate in one picture; what stays 0 is left out. */
    @Override
    public Figure figure() {
        List<Figure> panels = new ArrayList<>();
        for (String column : SHOWN) {
            if (columns().contains(column) && moves(column)) {
                panels.add(figure(column).withSize(new PictureSize(560, 300, 1)));
            }
        }
        return Panels.of("Training", Math.min(2, panels.size()), panels);
    }

    // stage 2 logs a loss that is its LM loss, and dense runs a share that stays 0
    private boolean moves(String column) {
        boolean same = column.equals("LM loss")
                && curves.stream()
                        .allMatch(curve -> Arrays.equals(
                                curve.log().column("loss"), curve.log().column(column)));
        return !same
                && curves.stream()
                        .anyMatch(curve ->
                                Arrays.stream(curve.log().column(column)).anyMatch(value -> value != 0));
    }

    /** One row a run: steps, and how each quantity stands, as runs say it themselves. */
    @Override
    public TextTable table() {
        List<String> shown = SHOWN.stream().filter(columns()::contains).toList();
        List<Column> columns = new ArrayList<>(List.of(Column.text("run"), Column.number("steps", 0)));
        shown.forEach(name -> columns.add(Column.number(name, name.equals("learning rate") ? 6 : 4)));
        TextTable.Builder table =
                TextTable.builder("training runs, means of the last " + TrainingLog.WINDOW + " steps", columns);
        for (Curve curve : curves) {
            List<Object> cells =
                    new ArrayList<>(List.of(curve.name(), curve.log().rows().size()));
            shown.forEach(name -> cells.add(curve.log().standing(name)));
            table.add(cells.toArray());
        }
        return table.build();
    }

    /** One row a run and step. */
    @Override
    public TextTable data() {
        List<String> names = List.copyOf(columns());
        List<Column> columns = new ArrayList<>(List.of(Column.text("run"), Column.number("step", 0)));
        names.forEach(name -> columns.add(Column.number(name, 6)));
        TextTable.Builder table = TextTable.builder("training runs", columns);
        for (Curve curve : curves) {
            for (var row : curve.log().rows()) {
                List<Object> cells = new ArrayList<>(List.of(curve.name(), row.getOrDefault("step", Double.NaN)));
                names.forEach(name -> cells.add(row.getOrDefault(name, Double.NaN)));
                table.add(cells.toArray());
            }
        }
        return table.build();
    }

    @Override
    public Provenance provenance() {
        StringBuilder settings = new StringBuilder();
        curves.forEach(curve -> settings.append(curve.name())
                .append(": ")
                .append(curve.settings())
                .append('\n'));
        return Provenance.of(settings.toString().strip());
    }

    @Override
    public String toString() {
        return text();
    }
}
