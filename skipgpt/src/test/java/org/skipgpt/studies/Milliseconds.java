package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.analyze.ModuleCost;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.train.TuningOptions;

/**
 * Routers tuned for a share of modules, of parameters and of measured milliseconds, all turned to the same share of milliseconds.
 *
 * <p>A module's cost is the time of a run of it ({@code costs=run}), or what skipping saves ({@code costs=saved}): twice the time
 * that a pass loses by skipping a half of its rows, keys and values of which are still made.
 */
final class Milliseconds {
    private static final int WINDOW = 256;
    private static final int ROUNDS = 15;

    private final LanguageModel model;
    private final StudyArguments arguments;
    private final List<String> learned;
    private final int[][] dial;
    private final int[][] measured;

    /** What one seed came to. */
    private record Found(
            TextLosses loss, double milliseconds, double modules, double parameters, LanguageModel turned) {}

    private Milliseconds(LanguageModel model, StudyArguments arguments, List<String> learned, String served) {
        this.model = model;
        this.arguments = arguments;
        this.learned = learned;
        int[] ids = model.tokenizer().encodeWithBos(served);
        int[][] windows = IntStream.range(0, Math.min(ids.length / WINDOW, 16 + 60))
                .mapToObj(i -> Arrays.copyOfRange(ids, i * WINDOW, (i + 1) * WINDOW))
                .toArray(int[][]::new);
        this.dial = Arrays.copyOf(windows, 16);
        this.measured = Arrays.copyOfRange(windows, 16, windows.length);
    }

    /** {@code milliseconds MODEL TRAIN VALID}, or {@code milliseconds world}. */
    static void run(String[] args) throws IOException {
        LanguageModel model = SkipGpt.load(args[1]);
        boolean world = args[1].equals("world");
        new Milliseconds(
                        model,
                        StudyArguments.of(args),
                        world ? SkipGpt.worldTexts(1000, 7) : TextLosses.pieces(Path.of(args[2]), 600, 600),
                        world ? String.join("\n\n", SkipGpt.worldTexts(300, 9)) : Files.readString(Path.of(args[3])))
                .run();
    }

    private void run() {
        System.out.printf(
                Locale.ROOT, "dense | %.4f%n", TextLosses.of(model, measured).mean());
        Budget base = TuningOptions.practical().routing().budget();
        Map<String, Budget> budgets = new LinkedHashMap<>();
        Budget costs = base.withCosts(costs());
        budgets.put("modules", base.withKind(Budget.Kind.MODULES));
        budgets.put("params", base.withKind(Budget.Kind.PARAMS));
        budgets.put("milliseconds", costs);
        double share = arguments.real("share", 0.25);
        Map<String, List<Found>> all = new LinkedHashMap<>();
        for (long seed : arguments.seeds()) {
            budgets.forEach((name, budget) -> {
                Found found = found(tuned(budget, seed), costs.withTarget(share));
                all.computeIfAbsent(name, key -> new ArrayList<>()).add(found);
                System.out.printf(
                        Locale.ROOT,
                        "%s, seed %d | %.4f nats | of milliseconds %.1f %%, modules %.1f %%, parameters %.1f %%%n",
                        name,
                        seed,
                        found.loss().mean(),
                        100 * found.milliseconds(),
                        100 * found.modules(),
                        100 * found.parameters());
                System.out.flush();
            });
        }
        Map<String, double[]> seconds = passes(all);
        List<TextLosses> modules = losses(all, "modules");
        all.forEach((name, found) -> System.out.printf(
                Locale.ROOT,
                "%s | %s | more than modules %s | of milliseconds %.1f %% | pass %s ms%n",
                name,
                TextLosses.told(losses(all, name)),
                TextLosses.compared(losses(all, name), modules),
                100 * found.stream().mapToDouble(Found::milliseconds).average().orElse(0),
                Arrays.toString(Arrays.stream(Objects.requireNonNull(seconds.get(name)))
                        .map(s -> Math.round(1e5 * s) / 1e2)
                        .toArray())));
        System.out.println("dense pass " + 1000 * Objects.requireNonNull(seconds.get("dense"))[0] + " ms");
    }

    private static List<TextLosses> losses(Map<String, List<Found>> all, String name) {
        return Objects.requireNonNull(all.get(name)).stream().map(Found::loss).toList();
    }

    /** What skipping saves of each module, in milliseconds a window. */
    private double[] costs() {
        ForcedPolicy half = ForcedPolicy.uniform(0.5, model.config().layers(), 7);
        LanguageModel skipping = model.withPolicy(half).alwaysPacked();
        ModuleCost all = ModuleCost.of(model, measured[0], ROUNDS, ProgressObserver.silent());
        ModuleCost some = ModuleCost.of(skipping, measured[0], ROUNDS, ProgressObserver.silent());
        ModuleCost again = ModuleCost.of(model, measured[0], ROUNDS, ProgressObserver.silent());
        double[] saved = new double[all.seconds().length];
        double[] run = new double[saved.length];
        for (int m = 0; m < saved.length; m++) {
            double dense = Math.min(all.seconds()[m], again.seconds()[m]);
            saved[m] = Math.max(0, 2000 * (dense - some.seconds()[m]));
            run[m] = 1000 * dense;
        }
        // Modules of a kind have one shape: their mean says more than each on a busy machine.
        double[] meanRun = means(run);
        double[] meanSaved = means(saved);
        System.out.printf(
                Locale.ROOT,
                "a module of %d tokens: attention %.3f ms dense, %.3f saved by skipping; mlp %.3f, %.3f%n",
                WINDOW,
                meanRun[0],
                meanSaved[0],
                meanRun[1],
                meanSaved[1]);
        return arguments.text("costs", "run").equals("run") ? meanRun : meanSaved;
    }

    private static double[] means(double[] each) {
        double[] sums = new double[2];
        for (int m = 0; m < each.length; m++) {
            sums[m % 2] += 2 * each[m] / each.length;
        }
        return IntStream.range(0, each.length).mapToDouble(m -> sums[m % 2]).toArray();
    }

    private LanguageModel tuned(Budget budget, long seed) {
        TuningOptions options = TuningOptions.practical();
        return SkipGpt.tuneRouters(
                        model,
                        learned,
                        arguments.real("share", 0.25),
                        options.withRouting(options.routing().withBudget(budget))
                                .withSteps(arguments.number("steps", 200))
                                .withBatch(arguments.number("rows", 4), 128)
                                .withSeed(seed),
                        ProgressObserver.silent())
                .model();
    }

    private Found found(LanguageModel routed, Budget costs) {
        RoutedPolicy policy = RoutedPolicy.in(routed.policy()).orElseThrow();
        LanguageModel turned = routed.withPolicy(policy.withThresholds(BudgetDial.thresholds(routed, costs, dial)));
        SparsityReport report = SparsityReport.of(turned, measured);
        return new Found(
                TextLosses.of(turned, measured),
                report.share(model.config(), costs),
                report.cost().modules(),
                report.cost().paramsOfBlocks(),
                turned);
    }

    /** Seconds of a pass over a window, in turns, medians; of each seed. */
    private Map<String, double[]> passes(Map<String, List<Found>> all) {
        Map<String, List<LanguageModel>> models = new LinkedHashMap<>();
        models.put("dense", List.of(model));
        all.forEach((name, found) -> models.put(
                name, found.stream().map(f -> f.turned().alwaysPacked()).toList()));
        Map<String, double[][]> times = new LinkedHashMap<>();
        for (int round = -1; round < ROUNDS; round++) {
            int now = round;
            models.forEach((name, each) -> {
                double[][] own = times.computeIfAbsent(name, key -> new double[each.size()][ROUNDS]);
                for (int m = 0; m < each.size(); m++) {
                    long start = System.nanoTime();
                    each.get(m).logProbabilities(measured[0]);
                    if (now >= 0) {
                        own[m][now] = (System.nanoTime() - start) / 1e9;
                    }
                }
            });
        }
        Map<String, double[]> medians = new LinkedHashMap<>();
        times.forEach((name, own) -> medians.put(
                name,
                Arrays.stream(own)
                        .mapToDouble(rounds -> Arrays.stream(rounds).sorted().toArray()[ROUNDS / 2])
                        .toArray()));
        return medians;
    }
}
