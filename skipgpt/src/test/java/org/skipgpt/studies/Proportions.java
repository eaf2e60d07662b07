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
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Controller;
import org.skipgpt.route.Cost;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.LoopConfig;
import org.skipgpt.train.TextTraining;
import org.skipgpt.train.TuningOptions;

/**
 * Models of equal parameters and training tokens with other proportions of attention and MLP, and routers over each.
 *
 * <p>Attention and MLP have the same number of parameters ({@code hidden = 4/3 width}), so that models of twelve modules are
 * alike in size whatever they are; a layer that lacks one is a layer whose module is dropped from the first step on.
 */
final class Proportions {
    private static final int MODULES = 12;
    private static final int CONTEXT = 256;
    private static final int MEASURED = 120;

    private final StudyArguments arguments;
    private final Tokenizer tokenizer;
    private final String train;
    private final Path work;
    private final int[][] valid;
    private final List<String> documents;
    private final Map<String, List<Trained>> all = new LinkedHashMap<>();

    /** A shape: its layers, and which of them have attention and an MLP. */
    private record Shape(String name, int layers, IntPredicate attention, IntPredicate mlp) {
        List<ModuleSite> gone() {
            return IntStream.range(0, 2 * layers)
                    .mapToObj(ModuleSite::of)
                    .filter(site -> !(site.module() == ModuleKind.ATTENTION ? attention : mlp).test(site.layer()))
                    .toList();
        }
    }

    /** What one seed came to. */
    private record Trained(TextLosses dense, double operations, TextLosses routed, double routedOperations) {}

    private Proportions(String[] args) throws IOException {
        this.arguments = StudyArguments.of(args);
        this.tokenizer = SkipGpt.load(args[1]).tokenizer();
        this.train = args[2];
        this.work = Files.createDirectories(Path.of(args[4]));
        int[] ids = tokenizer.encodeWithBos(Files.readString(Path.of(args[3])).substring(0, 150_000));
        this.valid = IntStream.range(0, MEASURED)
                .mapToObj(i -> Arrays.copyOfRange(ids, i * CONTEXT, (i + 1) * CONTEXT))
                .toArray(int[][]::new);
        this.documents = TextLosses.pieces(Path.of(train), 600, 600);
    }

    /** {@code proportions MODEL TRAIN VALID WORK}; of the model only the tokenizer is used. */
    static void run(String[] args) throws IOException {
        Proportions study = new Proportions(args);
        List<Shape> shapes = List.of(
                new Shape("1:1", MODULES / 2, layer -> true, layer -> true),
                new Shape("1:2, every other layer", 8, layer -> layer % 2 == 0, layer -> true),
                new Shape("1:3, every third layer", 9, layer -> layer % 3 == 0, layer -> true),
                new Shape("2:1, MLP in every other layer", 8, layer -> true, layer -> layer % 2 == 1),
                new Shape("1:2, the first layers", 8, layer -> layer < 4, layer -> true));
        for (long seed : study.arguments.seeds()) {
            for (Shape shape : shapes) {
                study.one(shape, seed);
            }
        }
        List<Trained> even = Objects.requireNonNull(study.all.get("1:1"));
        study.all.forEach((name, found) -> {
            List<TextLosses> dense = found.stream().map(Trained::dense).toList();
            List<TextLosses> routed = found.stream().map(Trained::routed).toList();
            System.out.printf(
                    Locale.ROOT,
                    "%s | dense %s | more than 1:1 %s | %.3f M operations | routed %s | more than 1:1 %s | %.3f M%n",
                    name,
                    TextLosses.told(dense),
                    TextLosses.compared(dense, even.stream().map(Trained::dense).toList()),
                    found.get(0).operations(),
                    TextLosses.told(routed),
                    TextLosses.compared(
                            routed, even.stream().map(Trained::routed).toList()),
                    found.stream()
                            .mapToDouble(Trained::routedOperations)
                            .average()
                            .orElse(0));
        });
    }

    private void one(Shape shape, long seed) {
        int width = arguments.number("width", 96);
        DecoderConfig config = DecoderConfig.llama(tokenizer.vocabSize(), width, 4 * width / 3, shape.layers(), 4, 4)
                .withMaxPositions(CONTEXT);
        LanguageModel fresh = SkipGpt.random(config, tokenizer, seed);
        LanguageModel model = shape.gone().isEmpty()
                ? fresh
                : SkipGpt.drop(fresh, DropPlan.of(shape.name(), config, shape.gone(), Provenance.of("proportions")));
        long start = System.nanoTime();
        LoopConfig loop = LoopConfig.defaults()
                .withSteps(arguments.number("steps", 600))
                .withSeed(seed)
                .withRate(LearningRate.cosine(3e-3, 0.05).withFloor(0.05));
        Path folder = work.resolve(shape.name().replaceAll("[^0-9a-z]", "") + "-" + seed);
        SkipGpt.train(
                model,
                train,
                folder.toString(),
                TextTraining.defaults().withLoop(loop).withBatch(8, 128),
                ProgressObserver.silent());
        double seconds = (System.nanoTime() - start) / 1e9;
        TextLosses dense = TextLosses.of(model, valid);
        double[] executed = new double[config.modules()];
        Arrays.setAll(executed, i -> shape.gone().contains(ModuleSite.of(i)) ? 0 : 1);
        double operations = operations(config, executed);
        LanguageModel routed = routed(model, shape, seed);
        RoutingTrace trace = RoutingTrace.of(routed, valid);
        double[] ran = trace.modules().stream()
                .mapToDouble(module -> module.executedShare())
                .toArray();
        Trained trained = new Trained(dense, operations, TextLosses.of(routed, valid), operations(config, ran));
        all.computeIfAbsent(shape.name(), key -> new ArrayList<>()).add(trained);
        System.out.printf(
                Locale.ROOT,
                "%s, seed %d (%.0f s) | dense %.4f at %.3f M | routed %.4f at %.3f M | of what is there attention runs"
                        + " %.1f %%, mlp %.1f %% | each %s%n",
                shape.name(),
                seed,
                seconds,
                dense.mean(),
                operations,
                trained.routed().mean(),
                trained.routedOperations(),
                100 * share(executed, ran, 0),
                100 * share(executed, ran, 1),
                String.join(
                        " ",
                        Arrays.stream(ran)
                                .mapToObj(s -> Math.round(100 * s) + "")
                                .toList()));
        System.out.flush();
    }

    private LanguageModel routed(LanguageModel model, Shape shape, long seed) {
        double gone = (double) shape.gone().size() / model.config().modules();
        Budget budget = Budget.of(0.25).withKind(Budget.Kind.MODULES).withController(Controller.integral());
        TuningOptions options = TuningOptions.practical().withDenseStart();
        // Modules that were never there count as skipped; a quarter of the others is asked for.
        return SkipGpt.tuneRouters(
                        model,
                        documents,
                        gone + (1 - gone) * arguments.real("share", 0.25),
                        options.withRouting(options.routing().withBudget(budget))
                                .withSteps(arguments.number("tuned", 200))
                                .withBatch(4, 128)
                                .withSeed(seed),
                        ProgressObserver.silent())
                .model();
    }

    /** Millions of operations a token, keys and values of skipping rows included, at the mean context of a window. */
    private static double operations(DecoderConfig config, double[] executed) {
        double sum = 2.0 * config.vocabulary() * config.width();
        for (int i = 0; i < executed.length; i++) {
            boolean attention = ModuleSite.of(i).module() == ModuleKind.ATTENTION;
            double all = attention ? Cost.attentionFlops(config, CONTEXT / 2) : Cost.mlpFlops(config);
            double kept = attention ? all - Cost.savedAttentionFlops(config, CONTEXT / 2) : 0;
            sum += executed[i] == 0 ? 0 : executed[i] * all + (1 - executed[i]) * kept;
        }
        return sum / 1e6;
    }

    private static double share(double[] there, double[] ran, int kind) {
        double sum = 0;
        double count = 0;
        for (int i = kind; i < ran.length; i += 2) {
            sum += ran[i];
            count += there[i];
        }
        return sum / count;
    }
}
