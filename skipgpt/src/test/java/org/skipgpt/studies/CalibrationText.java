package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.train.TuningOptions;

/**
 * Which text routers are tuned on against which text they serve.
 *
 * <p>Routers of several seeds on each text and on all together, measured on each: as tuned, and with thresholds turned to the
 * same share on text like that which is served.
 */
final class CalibrationText {
    private static final int LEARNED = 600;
    private static final int CHARACTERS = 600;

    private final LanguageModel model;
    private final StudyArguments arguments;
    private final double share;
    private final Map<String, Text> texts = new LinkedHashMap<>();
    private final Budget budget;

    /** Documents to learn from, tokens to turn thresholds on, tokens to measure. */
    private record Text(List<String> learned, int[][] dial, int[][] measured) {}

    /** What came out on a text: untouched, its share, and turned. */
    private record Served(TextLosses untouched, double share, TextLosses turned, double turnedShare) {}

    private CalibrationText(LanguageModel model, StudyArguments arguments) {
        this.model = model;
        this.arguments = arguments;
        this.share = arguments.real("share", 0.25);
        this.budget = Budget.of(share).withKind(Budget.Kind.PARAMS);
    }

    /** {@code calibration world}, or {@code calibration MODEL NAME:FILE ...}. */
    static void run(String[] args) throws IOException {
        LanguageModel model = SkipGpt.load(args[1]);
        CalibrationText study = new CalibrationText(model, StudyArguments.of(args));
        if (args[1].equals("world")) {
            study.add("articles", documents(text -> text.startsWith("= ")));
            study.add("newswire", documents(text -> text.equals(text.toLowerCase(Locale.ROOT))));
            study.add(
                    "mixture",
                    documents(text -> !text.startsWith("= ") && !text.equals(text.toLowerCase(Locale.ROOT))));
        } else {
            for (String argument : Arrays.copyOfRange(args, 2, args.length)) {
                int colon = argument.indexOf(':');
                if (colon > 0) {
                    study.add(
                            argument.substring(0, colon),
                            TextLosses.pieces(Path.of(argument.substring(colon + 1)), CHARACTERS, LEARNED + 120));
                }
            }
        }
        study.run();
    }

    private static List<String> documents(Predicate<String> wanted) {
        WorldText text = new WorldText(World.of(World.SEED), 11);
        return LongStream.iterate(0, i -> i + 1)
                .mapToObj(i -> text.document(i, 0.5).text())
                .filter(wanted)
                .limit(LEARNED + 120)
                .toList();
    }

    private void add(String name, List<String> documents) {
        int learned = documents.size() - 120;
        texts.put(
                name,
                new Text(
                        documents.subList(0, learned),
                        ids(documents.subList(learned, learned + 40)),
                        ids(documents.subList(learned + 40, learned + 120))));
    }

    private int[][] ids(List<String> documents) {
        return documents.stream()
                .map(model.tokenizer()::encodeWithBos)
                .map(ids -> Arrays.copyOf(ids, Math.min(ids.length, 256)))
                .toArray(int[][]::new);
    }

    private void run() {
        texts.forEach((name, text) -> System.out.printf(
                Locale.ROOT,
                "%s | dense %.4f%n",
                name,
                TextLosses.of(model, text.measured()).mean()));
        Map<String, List<String>> tuned = new LinkedHashMap<>();
        texts.forEach((name, text) -> tuned.put(name, text.learned()));
        List<String> mixed = new ArrayList<>();
        for (int i = 0; i < LEARNED; i++) {
            for (Text text : texts.values()) {
                if (i < text.learned().size()) {
                    mixed.add(text.learned().get(i));
                }
            }
        }
        tuned.put("all", mixed);
        Map<String, Map<String, List<Served>>> found = new LinkedHashMap<>();
        tuned.forEach((name, documents) -> found.put(name, served(name, documents)));
        texts.keySet().forEach(on -> found.keySet().forEach(by -> row(found, by, on)));
    }

    private Map<String, List<Served>> served(String name, List<String> documents) {
        Map<String, List<Served>> all = new LinkedHashMap<>();
        for (long seed : arguments.seeds()) {
            TuningOptions options = arguments.text("settings", "practical").equals("practical")
                    ? TuningOptions.practical()
                    : TuningOptions.workshop().withKeptShare(true);
            long start = System.nanoTime();
            LanguageModel routed = SkipGpt.tuneRouters(
                            model,
                            documents,
                            share,
                            options.withSteps(arguments.number("steps", 300))
                                    .withBatch(arguments.number("rows", 4), 128)
                                    .withSeed(seed),
                            ProgressObserver.silent())
                    .model();
            System.out.printf(
                    Locale.ROOT, "tuned on %s, seed %d: %.0f s%n", name, seed, (System.nanoTime() - start) / 1e9);
            texts.forEach((on, text) ->
                    all.computeIfAbsent(on, key -> new ArrayList<>()).add(served(routed, text)));
        }
        return all;
    }

    private Served served(LanguageModel routed, Text text) {
        RoutedPolicy policy = RoutedPolicy.in(routed.policy()).orElseThrow();
        LanguageModel turned = routed.withPolicy(
                routed.policy().withCore(policy.withThresholds(BudgetDial.thresholds(routed, budget, text.dial()))));
        return new Served(
                TextLosses.of(routed, text.measured()),
                SparsityReport.of(routed, text.measured()).cost().paramsOfBlocks(),
                TextLosses.of(turned, text.measured()),
                SparsityReport.of(turned, text.measured()).cost().paramsOfBlocks());
    }

    private static void row(Map<String, Map<String, List<Served>>> found, String by, String on) {
        List<Served> here =
                Objects.requireNonNull(Objects.requireNonNull(found.get(by)).get(on));
        List<Served> own =
                Objects.requireNonNull(Objects.requireNonNull(found.get(on)).get(on));
        List<TextLosses> turned = here.stream().map(Served::turned).toList();
        System.out.printf(
                Locale.ROOT,
                "serves %s, tuned on %s | turned %s at %.1f %% | more than own %s | untouched %s at %.1f %%%n",
                on,
                by,
                TextLosses.told(turned),
                100 * here.stream().mapToDouble(Served::turnedShare).average().orElse(0),
                TextLosses.compared(turned, own.stream().map(Served::turned).toList()),
                TextLosses.told(here.stream().map(Served::untouched).toList()),
                100 * here.stream().mapToDouble(Served::share).average().orElse(0));
        System.out.flush();
    }
}
