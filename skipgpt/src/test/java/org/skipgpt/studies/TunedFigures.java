package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.analyze.ContextDrift;
import org.skipgpt.analyze.RoutingByTarget;
import org.skipgpt.analyze.RoutingMap;
import org.skipgpt.analyze.Scaling;
import org.skipgpt.analyze.TokenSimilarity;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Ranking;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.tokens.TokenTexts;

/**
 * The paper's figures of a model whose routers were tuned before, such as SmolLM2-135M's of docs/recipe.md.
 *
 * <p>{@code java -cp "$CP" org.skipgpt.studies.TunedFigures MODEL TEXT OUT FOLDER... -- [PART...]}: TEXT is a file nobody learned from,
 * each FOLDER a saved model with routers, of the method that {@code -Dmethods=SkipGPT-RT,SkipGPT-RT-L} names in its place; parts are similarity, ranking, map, kinds, drift and
 * scaling, of which all but the last look at the first folder. {@code -Dwindows} and {@code -Dlength} say how many windows of how many tokens are looked at.
 */
public final class TunedFigures {
    private static final String SENTENCE =
            "The weather was fine. Otto carried the lamp to the market, because the old lamp was broken.";
    private static final double[] SHARES = {0.1, 0.15, 0.2, 0.25, 0.3};

    private final LanguageModel dense;
    private final Map<String, LanguageModel> tuned;
    private final Path out;
    private final List<int[]> windows;
    private final List<int[]> longest;
    private final ProgressObserver observer = ConsoleObserver.on(System.out);

    private TunedFigures(LanguageModel dense, String text, Path out, List<String> folders) {
        this.dense = dense;
        this.out = out;
        this.tuned = new LinkedHashMap<>();
        List<String> methods =
                List.of(System.getProperty("methods", "SkipGPT-RT,SkipGPT-RT-L").split(",", -1));
        for (int i = 0; i < folders.size(); i++) {
            tuned.put(methods.get(i), SkipGpt.loadSkipGpt(folders.get(i), dense));
        }
        this.windows = TokenTexts.cut(dense.tokenizer(), text, Integer.getInteger("length", 512))
                .subList(0, Integer.getInteger("windows", 12));
        this.longest = TokenTexts.cut(
                dense.tokenizer(), text, Math.min(2048, dense.config().maxPositions()));
    }

    /** Makes the parts that are asked for. */
    public static void main(String[] arguments) throws IOException {
        SkipGpt.workspace("cpu", System.getProperty("dtype", "fp32"));
        List<String> all = List.of(arguments);
        int end = all.indexOf("--") < 0 ? all.size() : all.indexOf("--");
        LanguageModel dense = SkipGpt.load(all.get(0)).named(System.getProperty("name", "model"));
        TunedFigures figures = new TunedFigures(
                dense, Files.readString(Path.of(all.get(1))), Path.of(all.get(2)), all.subList(3, end));
        Map<String, Runnable> parts = new LinkedHashMap<>();
        parts.put("similarity", figures::similarity);
        parts.put("ranking", figures::ranking);
        parts.put("map", figures::map);
        parts.put("kinds", figures::kinds);
        parts.put("drift", figures::drift);
        parts.put("scaling", figures::scaling);
        List<String> wanted = end + 1 < all.size() ? all.subList(end + 1, all.size()) : List.copyOf(parts.keySet());
        for (String part : wanted) {
            Optional.ofNullable(parts.get(part))
                    .orElseThrow(() -> new IllegalArgumentException(part + ": expected some of " + parts.keySet()))
                    .run();
        }
        System.exit(0);
    }

    private void save(String name, Finding found) {
        System.out.println(found);
        found.save(out.resolve(name + ".csv"));
        found.figure().save(out.resolve(name + ".png"));
    }

    private LanguageModel routed() {
        return tuned.values().iterator().next();
    }

    private void similarity() {
        save("similarity", TokenSimilarity.of(dense, dense.tokenizer().encodeWithBos(SENTENCE)));
    }

    private void ranking() {
        save("joint-layer-drop", Ranking.jointLayerDrop(dense, windows, observer));
        save("shortgpt", Ranking.shortGpt(dense, windows, Ranking.FinalNorm.INCLUDED, observer));
    }

    private void map() {
        LanguageModel routed = routed();
        save("map", RoutingMap.of(routed, windows, observer));
        int[] ids = routed.tokenizer().encodeWithBos(SENTENCE);
        List<String> pieces =
                IntStream.of(ids).mapToObj(routed.tokenizer()::readable).toList();
        RoutingMap.of(routed, List.of(ids), observer).decisions(pieces).save(out.resolve("decisions.png"));
    }

    private void kinds() {
        save(
                "kinds",
                RoutingByTarget.dialled(routed(), SHARES, windows.subList(0, Math.min(4, windows.size())), observer));
    }

    private void drift() {
        save("drift", ContextDrift.of(routed(), longest.subList(0, 12), ContextDrift.PAPER_WINDOW, observer));
    }

    private void scaling() {
        List<Scaling.Trial> trials = new ArrayList<>();
        trials.add(new Scaling.Trial("dense", "0", dense.hash(), () -> dense));
        Ranking layers = Ranking.shortGpt(dense, longest, Ranking.FinalNorm.INCLUDED, observer);
        for (int n : new int[] {2, 4, 6, 8, 10}) {
            trials.add(new Scaling.Trial(
                    "ShortGPT",
                    n + " layers",
                    dense.hash(),
                    () -> layers.drop(n).applyTo(dense)));
        }
        List<String> sample = longest.stream()
                .skip(12)
                .limit(3)
                .map(ids -> dense.tokenizer().decode(ids))
                .toList();
        for (Map.Entry<String, LanguageModel> one : tuned.entrySet()) {
            for (double share : SHARES) {
                trials.add(new Scaling.Trial(
                        one.getKey(),
                        Math.round(100 * share) + " %",
                        dense.hash(),
                        () -> SkipGpt.budgetDial(one.getValue(), Budget.Kind.PARAMS, sample, share)
                                .set(one.getValue(), share)));
            }
        }
        save("scaling", Scaling.sweep(trials, windows, Optional.of(out.resolve("scaling-points.json")), observer));
    }
}
