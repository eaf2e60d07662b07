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
import java.util.Optional;
import java.util.stream.IntStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.analyze.ContextDrift;
import org.skipgpt.analyze.GreedyAgreement;
import org.skipgpt.analyze.KvConsistency;
import org.skipgpt.analyze.ModuleCost;
import org.skipgpt.analyze.RoutingByTarget;
import org.skipgpt.analyze.RoutingMap;
import org.skipgpt.analyze.Scaling;
import org.skipgpt.analyze.TokenCost;
import org.skipgpt.analyze.TokenSimilarity;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Ranking;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.tokens.TokenTexts;
import org.skipgpt.train.TrainingCurves;

/**
 * Makes the paper's figures and main table again.
 *
 * <p>Arguments: the model ({@code world}, a folder or a file), a folder for tuning runs (they are continued), a folder for
 * pictures and numbers, then the wanted parts (all where none is named). Routers learn from the embedded world and are
 * looked at on its wiki.txt, or, with {@code -Dtuning.text=FILE -Dheld.text=FILE}, from the paragraphs of one file and on
 * another; {@code -Dsteps}, {@code -Dwindows} and {@code -Dsentence} set how long, on how many windows and which sentence.
 */
final class PaperFigures {
    private static final Path WORLD = Path.of(System.getProperty("skipgpt.root", ".."), "datasets", "world");

    private static final String SENTENCE = System.getProperty(
            "sentence", "The weather was fine. Otto carried the lamp to the market, because the old lamp was broken.");

    /** Text nobody learned from: other draws than those the embedded model was trained and watched on. */
    private static final long SEED = 5;

    private static final int DOCUMENTS = 4000;

    private final LanguageModel dense;
    private final PaperModels models;
    private final Path out;
    private final ProgressObserver observer = ConsoleObserver.on(System.out);
    private final List<int[]> texts;

    private PaperFigures(LanguageModel dense, Path work, Path out) throws IOException {
        this.dense = dense;
        Optional<String> tuning = Optional.ofNullable(System.getProperty("tuning.text"));
        this.models = new PaperModels(
                dense,
                tuning.isPresent() ? paragraphs(tuning.get()) : SkipGpt.worldTexts(DOCUMENTS, SEED),
                work,
                observer);
        this.out = out;
        String held = System.getProperty("held.text");
        String text = Files.readString(held == null ? WORLD.resolve("wiki.txt") : Path.of(held));
        this.texts = TokenTexts.cut(dense.tokenizer(), text, dense.config().maxPositions())
                .subList(0, Integer.getInteger("windows", 40));
    }

    public static void main(String[] arguments) throws IOException {
        SkipGpt.workspace("cpu", "fp32");
        String name = Path.of(arguments[0]).getFileName().toString().replaceFirst("\\.bin$", "");
        LanguageModel dense = SkipGpt.load(arguments[0]).named(name);
        PaperFigures figures = new PaperFigures(dense, Path.of(arguments[1]), Path.of(arguments[2]));
        Map<String, Runnable> parts = new LinkedHashMap<>();
        parts.put("similarity", figures::similarity);
        parts.put("rankings", figures::rankings);
        parts.put("curves", figures::curves);
        parts.put("kinds", figures::kinds);
        parts.put("stress", figures::stress);
        parts.put("drift", figures::drift);
        parts.put("scaling", figures::scaling);
        parts.put("map", figures::map);
        parts.put("tokens", figures::tokens);
        parts.put("agreement", figures::agreement);
        parts.put("kv", figures::kv);
        parts.put("cost", figures::cost);
        parts.put("table", () -> new PaperTable(dense, figures.models, figures.observer).save(figures.out));
        List<String> wanted =
                arguments.length > 3 ? List.of(arguments).subList(3, arguments.length) : List.copyOf(parts.keySet());
        for (String part : wanted) {
            Optional.ofNullable(parts.get(part))
                    .orElseThrow(() -> new IllegalArgumentException(part + ": expected some of " + parts.keySet()))
                    .run();
        }
    }

    private static List<String> paragraphs(String file) throws IOException {
        return List.of(Files.readString(Path.of(file)).split("\\n\\s*\\n"));
    }

    private void save(String name, Finding found) {
        System.out.println(found);
        found.save(out.resolve(name + ".csv"));
        save(name, found.figure());
    }

    private void save(String name, Figure figure) {
        figure.save(out.resolve(name + (figure.png().isPresent() ? ".png" : ".html")));
    }

    private void similarity() {
        save("similarity", TokenSimilarity.of(dense, dense.tokenizer().encodeWithBos(SENTENCE)));
    }

    private List<int[]> calibration() {
        String text = String.join("\n", models.documents().subList(0, 100));
        return TokenTexts.cut(dense.tokenizer(), text, 256);
    }

    private void rankings() {
        save("shortgpt", Ranking.shortGpt(dense, calibration(), Ranking.FinalNorm.INCLUDED, observer));
        save("joint-layer-drop", Ranking.jointLayerDrop(dense, calibration(), observer));
    }

    private void curves() {
        TrainingCurves curves =
                SkipGpt.curves(models.routers(0.25), models.both(0.25), models.routers(0.4), models.both(0.4));
        save("curves", curves);
        save("curves-lm", curves.figure("LM loss"));
        save("curves-sparsity", curves.figure("r"));
    }

    private void kinds() {
        Map<String, LanguageModel> tuned = new LinkedHashMap<>();
        for (double target : PaperModels.TARGETS) {
            tuned.put(percent(target), models.routers(target).model());
        }
        RoutingByTarget found = RoutingByTarget.of("routers tuned for each target", tuned, texts, observer);
        save("kinds", found);
        save("kinds-rates", found.rates());
    }

    private void stress() {
        double[] targets = {0.25, 0.4, 0.5, 0.6};
        List<int[]> some = texts.subList(0, Math.min(6, texts.size()));
        RoutingByTarget found = RoutingByTarget.dialled(models.routers(0.25).model(), targets, some, observer);
        save("stress", found);
        save("stress-rates", found.rates());
    }

    private void drift() {
        LanguageModel routed = models.routers(0.4).model();
        save("drift", ContextDrift.of(routed, texts, ContextDrift.PAPER_WINDOW, observer));
        List<int[]> beginnings =
                texts.stream().limit(12).map(ids -> Arrays.copyOf(ids, 64)).toList();
        save("drift-decode", ContextDrift.generated(routed, beginnings, 200, ContextDrift.PAPER_WINDOW, observer));
    }

    private void scaling() {
        List<Scaling.Trial> trials = new ArrayList<>();
        trials.add(new Scaling.Trial("dense", "0", dense.hash(), () -> dense));
        Ranking joint = Ranking.jointLayerDrop(dense, calibration(), observer);
        Ranking layers = Ranking.shortGpt(dense, calibration(), Ranking.FinalNorm.INCLUDED, observer);
        IntStream.rangeClosed(1, 3 * dense.config().modules() / 4)
                .forEach(n -> trials.add(new Scaling.Trial(
                        "Joint Layer Drop",
                        n + " modules",
                        dense.hash(),
                        () -> joint.drop(n).applyTo(dense))));
        IntStream.rangeClosed(1, 3 * dense.config().layers() / 4)
                .forEach(n -> trials.add(new Scaling.Trial(
                        "ShortGPT",
                        n + " layers",
                        dense.hash(),
                        () -> layers.drop(n).applyTo(dense))));
        for (double target : PaperModels.TARGETS) {
            trials.add(new Scaling.Trial(
                    "SkipGPT-RT",
                    percent(target),
                    dense.hash(),
                    () -> models.routers(target).model()));
        }
        for (double target : PaperModels.TABLE_TARGETS) {
            trials.add(new Scaling.Trial(
                    "SkipGPT-RT-L",
                    percent(target),
                    dense.hash(),
                    () -> models.both(target).model()));
        }
        save("scaling", Scaling.sweep(trials, texts, Optional.of(out.resolve("scaling-points.json")), observer));
    }

    private void map() {
        LanguageModel routed = models.routers(0.25).model();
        RoutingMap map = RoutingMap.of(routed, texts, observer);
        save("map", map);
        int[] ids = routed.tokenizer().encodeWithBos(SENTENCE);
        List<String> pieces =
                IntStream.of(ids).mapToObj(routed.tokenizer()::readable).toList();
        save("decisions", RoutingMap.of(routed, List.of(ids), observer).decisions(pieces));
    }

    private void tokens() {
        WorldText source = new WorldText(World.of(World.SEED), 6);
        List<LabelledText> labelled =
                IntStream.range(0, 60).mapToObj(i -> source.document(i, 0.5)).toList();
        TokenCost found = TokenCost.labelled(models.routers(0.25).model(), labelled, observer);
        save("token-cost", found);
        save("token-cost-surprisal", found.bySurprisal());
        save("token-cost-kinds", found.byKind());
    }

    private void agreement() {
        List<int[]> prompts =
                texts.stream().limit(40).map(ids -> Arrays.copyOf(ids, 48)).toList();
        for (double target : PaperModels.TABLE_TARGETS) {
            LanguageModel routed = models.both(target).model().named("SkipGPT-RT-L " + percent(target));
            save("agreement-" + Math.round(100 * target), GreedyAgreement.of(routed, dense, prompts, 64, observer));
        }
    }

    private void kv() {
        List<int[]> beginnings =
                texts.stream().limit(8).map(ids -> Arrays.copyOf(ids, 256)).toList();
        save("kv", KvConsistency.of(models.routers(0.25).model(), beginnings, observer));
    }

    private void cost() {
        save("cost", ModuleCost.of(dense, texts.get(0), 9, observer));
        save("cost-routed", ModuleCost.of(models.routers(0.4).model(), texts.get(0), 9, observer));
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.0f %%", 100 * share);
    }
}
