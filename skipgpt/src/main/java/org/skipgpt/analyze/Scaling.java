package org.skipgpt.analyze;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.skipgpt.io.Claims;
import org.skipgpt.io.SharedWork;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.tokens.TokenTexts;

/**
 * Perplexity against sparsity for several methods (SkipGPT, 2025, figure 7).
 *
 * <pre>{@code
 * Scaling.sweep(trials, texts, Optional.of(Path.of("scaling.json")), observer).figure();
 * }</pre>
 *
 * @param points measured, in the order of the sweep
 * @param isComplete whether every trial was measured; an interrupt ends a sweep early
 * @param provenance what it was made from and on
 */
public record Scaling(List<Point> points, boolean isComplete, Provenance provenance) implements Finding {
    /**
     * One model to measure.
     *
     * @param method the line it belongs to
     * @param setting what tells it from the method's others, e.g. {@code "25 %"}
     * @param identity what decides the model's numbers, such as its base's hash; a point that was measured on another
     *     is not taken for this one's
     * @param model makes it; asked only if the point is not known yet, so it may tune
     */
    public record Trial(String method, String setting, String identity, Supplier<LanguageModel> model) {}

    /**
     * One measured model.
     *
     * @param method the line it belongs to
     * @param setting of the trial
     * @param attention s_a, share of attention runs skipped
     * @param mlp s_m, share of MLP runs skipped
     * @param parameters share of block parameters skipped, averaged over tokens
     * @param perplexity over all predicted tokens
     */
    public record Point(
            String method, String setting, double attention, double mlp, double parameters, double perplexity) {
        /** Share of module runs skipped: the x axis. */
        public double sparsity() {
            return (attention + mlp) / 2;
        }
    }

    /** Copies the list. */
    public Scaling {
        points = List.copyOf(points);
    }

    /**
     * Measures every trial; an interrupted sweep returns what it has, and goes on where it was from its file. Several processes
     * may sweep into one file: each trial is claimed by one of them.
     *
     * @param texts token ids
     * @param file where points are kept as they come
     * @throws IllegalArgumentException if the file holds points on other texts or of other models, or is damaged
     */
    public static Scaling sweep(List<Trial> trials, List<int[]> texts, Optional<Path> file, ProgressObserver observer) {
        long start = System.nanoTime();
        String data = TokenTexts.hash(texts);
        SweepFile known = SweepFile.open(file, data);
        Provenance provenance = Provenance.of("scaling sweep").withData(TokenTexts.describe(texts), data);
        List<Optional<Point>> found;
        if (file.isPresent()) {
            Path folder = file.get().resolveSibling(file.get().getFileName() + ".claims");
            try (Claims claims = Claims.of(folder)) {
                Sweep sweep = new Sweep(known, Optional.of(claims), texts, observer, trials.size());
                found = SharedWork.run(claims, sweep.parts(trials), sweep);
            }
        } else {
            Sweep sweep = new Sweep(known, Optional.empty(), texts, observer, trials.size());
            found = SharedWork.alone(sweep.parts(trials), sweep);
        }
        List<Point> points = found.stream().flatMap(Optional::stream).toList();
        return new Scaling(
                points, points.size() == trials.size(), provenance.withSeconds((System.nanoTime() - start) / 1e9));
    }

    /**
     * Measures models that are there already, each a point of its method's line.
     *
     * @param methods models by method
     * @param texts token ids, as the first model cuts them
     */
    public static Scaling of(
            Map<String, List<LanguageModel>> methods,
            Function<LanguageModel, List<int[]>> texts,
            ProgressObserver observer) {
        List<Trial> trials = new ArrayList<>();
        methods.forEach((method, models) -> {
            for (LanguageModel model : models) {
                String setting = model.policy().describe() + " #" + trials.size();
                trials.add(new Trial(method, setting, model.policy().identity().json(), () -> model));
            }
        });
        LanguageModel first = methods.values().stream()
                .flatMap(List::stream)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no model to measure; give one for each method"));
        return sweep(trials, texts.apply(first), Optional.empty(), observer);
    }

    static Point measure(Trial trial, List<int[]> texts, ProgressObserver observer) {
        LanguageModel model = trial.model().get();
        Interruption.check();
        String task = trial.method() + " " + trial.setting();
        RoutingTrace trace = RoutingTrace.joined(Runs.traces(task + ", routes", model, texts, observer));
        double attention = trace.skipped(ModuleKind.ATTENTION);
        double mlp = trace.skipped(ModuleKind.MLP);
        double pa = model.config().attentionParameters();
        double pm = model.config().mlpParameters();
        double perplexity = Runs.perplexity(task + ", perplexity", model, texts, observer);
        return new Point(
                trial.method(), trial.setting(), attention, mlp, (attention * pa + mlp * pm) / (pa + pm), perplexity);
    }

    /** Perplexity on a logarithmic axis against module sparsity, a line a method. */
    @Override
    public Figure figure() {
        LinePlot plot = LinePlot.of("Perplexity against sparsity", "modules skipped (%)", "perplexity");
        for (String method : points.stream().map(Point::method).distinct().toList()) {
            List<Point> own = points.stream()
                    .filter(p -> p.method().equals(method))
                    .sorted((a, b) -> Double.compare(a.sparsity(), b.sparsity()))
                    .toList();
            plot = plot.withLine(
                    method,
                    own.stream().mapToDouble(p -> 100 * p.sparsity()).toArray(),
                    own.stream().mapToDouble(Point::perplexity).toArray());
        }
        return plot.withLogY().withMarkers();
    }

    /** One row a model. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "perplexity against sparsity" + (isComplete ? "" : ", stopped before the end"),
                List.of(
                        Column.text("method"),
                        Column.text("setting"),
                        Column.number("modules (%)", 1),
                        Column.number("attention (%)", 1),
                        Column.number("mlp (%)", 1),
                        Column.number("parameters (%)", 1),
                        Column.number("perplexity", 3)));
        for (Point p : points) {
            table.add(
                    p.method(),
                    p.setting(),
                    100 * p.sparsity(),
                    100 * p.attention(),
                    100 * p.mlp(),
                    100 * p.parameters(),
                    p.perplexity());
        }
        return table.build();
    }

    /** The same table, all digits kept. */
    @Override
    public String toString() {
        return text();
    }
}
