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
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.Positions;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.train.TuningOptions;

/**
 * Budgets that follow position against one for all positions, at equal operations counted exactly: later tokens more attention and
 * less MLP ({@code later}), the opposite ({@code earlier}), each put on routers tuned without ({@code on plain}) and tuned with.
 */
final class PositionBudget {
    private static final int WINDOW = 512;
    private static final int PARTS = 4;

    private final LanguageModel model;
    private final StudyArguments arguments;
    private final List<String> learned;
    private final int[][] dial;
    private final int[][] measured;
    private final Map<String, List<Found>> all = new LinkedHashMap<>();

    /** What one seed came to: loss, loss of each part of a window, shares executed there, operations. */
    private record Found(
            TextLosses loss,
            List<TextLosses> parts,
            double[] attention,
            double[] mlp,
            double saved,
            double bytes,
            double decode) {}

    private PositionBudget(LanguageModel model, StudyArguments arguments, String learned, String served) {
        this.model = model;
        this.arguments = arguments;
        this.learned = windowsOfText(learned);
        int[] ids = model.tokenizer().encodeWithBos(served);
        int[][] windows = IntStream.range(0, Math.min(ids.length / WINDOW, 8 + arguments.number("windows", 40)))
                .mapToObj(i -> Arrays.copyOfRange(ids, i * WINDOW, (i + 1) * WINDOW))
                .toArray(int[][]::new);
        this.dial = Arrays.copyOf(windows, 8);
        this.measured = Arrays.copyOfRange(windows, 8, windows.length);
    }

    /** {@code positions MODEL TRAIN VALID}, or {@code positions world}. */
    static void run(String[] args) throws IOException {
        LanguageModel model = SkipGpt.load(args[1]);
        StudyArguments arguments = StudyArguments.of(args);
        boolean world = args[1].equals("world");
        new PositionBudget(
                        model,
                        arguments,
                        world ? String.join("\n\n", SkipGpt.worldTexts(1500, 7)) : Files.readString(Path.of(args[2])),
                        world ? String.join("\n\n", SkipGpt.worldTexts(300, 9)) : Files.readString(Path.of(args[3])))
                .run();
    }

    // Texts that fill a window, so that routers learn from every position they serve.
    private static List<String> windowsOfText(String text) {
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at + 2400 <= text.length() && pieces.size() < 300; at += 2400) {
            pieces.add(text.substring(at, at + 2400));
        }
        return pieces;
    }

    private void run() {
        System.out.printf(
                Locale.ROOT, "dense | %.4f%n", TextLosses.of(model, measured).mean());
        double steep = arguments.real("logits", 1);
        Positions later = Positions.from(steep, -steep).onMlp(-steep, steep).over(WINDOW);
        Positions earlier = Positions.from(-steep, steep).onMlp(steep, -steep).over(WINDOW);
        for (long seed : arguments.seeds()) {
            LanguageModel plain = tuned(Positions.even(), seed);
            // What plain routers save is what all others are turned to.
            double share = Operations.saved(model.config(), RoutingTrace.of(plain, dial));
            add("plain", plain, share);
            RoutedPolicy policy = RoutedPolicy.in(plain.policy()).orElseThrow();
            add("later, on plain", plain.withPolicy(policy.withPositions(later)), share);
            add("earlier, on plain", plain.withPolicy(policy.withPositions(earlier)), share);
            if (arguments.text("tuned", "yes").equals("yes")) {
                add("later, tuned", tuned(later, seed), share);
                add("earlier, tuned", tuned(earlier, seed), share);
            }
        }
        List<Found> plain = Objects.requireNonNull(all.get("plain"));
        all.forEach((name, found) -> tell(name, found, plain));
    }

    private LanguageModel tuned(Positions positions, long seed) {
        TuningOptions options = TuningOptions.practical();
        Budget budget = options.routing().budget().withKind(Budget.Kind.FLOPS).withContext(WINDOW / 2);
        return SkipGpt.tuneRouters(
                        model,
                        learned,
                        arguments.real("share", 0.25),
                        options.withRouting(options.routing().withBudget(budget.withPositions(positions)))
                                .withSteps(arguments.number("steps", 200))
                                .withBatch(1, WINDOW)
                                .withHeldOut(8)
                                .withSeed(seed),
                        ProgressObserver.silent())
                .model();
    }

    private void add(String name, LanguageModel routed, double share) {
        LanguageModel turned = Operations.turned(routed, share, dial);
        RoutingTrace trace = RoutingTrace.of(turned, measured);
        double[] nats = new double[measured.length];
        int[] predicted = new int[measured.length];
        double[][] inPart = new double[PARTS][measured.length];
        int[][] counted = new int[PARTS][measured.length];
        for (int w = 0; w < measured.length; w++) {
            float[] each = turned.logProbabilities(measured[w])[0];
            for (int t = 0; t < each.length; t++) {
                int part = t * PARTS / WINDOW;
                nats[w] -= each[t];
                predicted[w]++;
                inPart[part][w] -= each[t];
                counted[part][w]++;
            }
        }
        List<TextLosses> parts = IntStream.range(0, PARTS)
                .mapToObj(p -> new TextLosses(inPart[p], counted[p]))
                .toList();
        LanguageModel evicting =
                turned.withPolicy(RoutedPolicy.in(turned.policy()).orElseThrow().withKvPolicy(KvPolicy.EXECUTED));
        Found found = new Found(
                new TextLosses(nats, predicted),
                parts,
                shares(trace, ModuleKind.ATTENTION),
                shares(trace, ModuleKind.MLP),
                Operations.saved(model.config(), trace),
                bytes(evicting),
                decode(turned));
        all.computeIfAbsent(name, key -> new ArrayList<>()).add(found);
        System.out.printf(
                Locale.ROOT,
                "%s | %.4f nats at %.2f %% of operations saved | %.0f ms | %.0f bytes%n",
                name,
                found.loss().mean(),
                100 * found.saved(),
                1000 * found.decode(),
                found.bytes());
        System.out.flush();
    }

    private double[] shares(RoutingTrace trace, ModuleKind kind) {
        double[] executed = new double[PARTS];
        for (ModuleRouting module : trace.modules()) {
            for (int row = 0; module.site().module() == kind && row < module.executed().length; row++) {
                executed[row % WINDOW * PARTS / WINDOW] += module.executed()[row] ? 1 : 0;
            }
        }
        double of = (double) trace.tokens().length / PARTS * model.config().layers();
        return Arrays.stream(executed).map(e -> e / of).toArray();
    }

    /** Bytes of keys and values after a window whose skipping tokens leave none. */
    private double bytes(LanguageModel evicting) {
        try (Session session = evicting.session(1)) {
            session.append(measured[0]);
            return session.usedCacheBytes();
        }
    }

    /** Seconds of the second half of a window, a token at a time; the best of three. */
    private double decode(LanguageModel turned) {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            try (Session session = turned.session(1)) {
                session.append(Arrays.copyOf(measured[0], WINDOW / 2));
                long start = System.nanoTime();
                for (int t = WINDOW / 2; t < WINDOW; t++) {
                    session.append(new int[] {measured[0][t]});
                }
                best = Math.min(best, (System.nanoTime() - start) / 1e9);
            }
        }
        return best;
    }

    private static void tell(String name, List<Found> found, List<Found> plain) {
        List<TextLosses> losses = found.stream().map(Found::loss).toList();
        System.out.printf(
                Locale.ROOT,
                "%s | %s | more than plain %s | saved %.2f %% | cache if evicted %.0f bytes | decode %.0f ms%n",
                name,
                TextLosses.told(losses),
                TextLosses.compared(losses, plain.stream().map(Found::loss).toList()),
                100 * found.stream().mapToDouble(Found::saved).average().orElse(0),
                found.stream().mapToDouble(Found::bytes).average().orElse(0),
                1000 * found.stream().mapToDouble(Found::decode).average().orElse(0));
        for (int p = 0; p < PARTS; p++) {
            int part = p;
            System.out.printf(
                    Locale.ROOT,
                    "  part %d | %.4f | more than plain %s | attention runs %.1f %%, mlp %.1f %%%n",
                    p,
                    found.stream()
                            .mapToDouble(f -> f.parts().get(part).mean())
                            .average()
                            .orElse(0),
                    TextLosses.compared(
                            found.stream().map(f -> f.parts().get(part)).toList(),
                            plain.stream().map(f -> f.parts().get(part)).toList()),
                    100
                            * found.stream()
                                    .mapToDouble(f -> f.attention()[part])
                                    .average()
                                    .orElse(0),
                    100
                            * found.stream()
                                    .mapToDouble(f -> f.mlp()[part])
                                    .average()
                                    .orElse(0));
        }
    }
}
