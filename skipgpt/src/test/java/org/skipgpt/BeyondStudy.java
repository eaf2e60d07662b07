package org.skipgpt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.ExactBudget;
import org.skipgpt.route.SparsityReport;

/**
 * Numbers of docs/beyond.md.
 *
 * <pre>
 * BeyondStudy approximators world|MODEL [TEXTS TEST] [tokens=2048] [measured=4096]
 * BeyondStudy exact world world/skipgpt-25
 * </pre>
 *
 * Prints a line a row: loss and perplexity on texts that nothing was fitted on, and operations saved on them.
 */
final class BeyondStudy {
    private static final int WINDOW = 512;

    private final LanguageModel model;
    private final List<String> texts;
    private final int[][] test;

    private BeyondStudy(LanguageModel model, List<String> texts, int[][] test) {
        this.model = model;
        this.texts = texts;
        this.test = test;
    }

    /** Runs one part. */
    public static void main(String[] args) throws IOException {
        SkipGpt.workspace("cpu", "fp32");
        LanguageModel model = SkipGpt.load(args[1]);
        int measured = number(args, "measured", 4096);
        boolean world = args[1].equals("world");
        List<String> texts = world ? SkipGpt.worldTexts(200, 7) : pieces(Path.of(args[2]));
        int[][] test = world
                ? SkipGpt.worldTexts(measured / 100, 9).stream()
                        .map(model.tokenizer()::encodeWithBos)
                        .toArray(int[][]::new)
                : windows(model.tokenizer().encodeWithBos(Files.readString(Path.of(args[3]))), measured);
        BeyondStudy study = new BeyondStudy(model, texts, test);
        if (args[0].equals("approximators")) {
            study.approximators(number(args, "tokens", 2048));
        } else {
            study.exact(args[2]);
        }
    }

    private static int number(String[] args, String name, int otherwise) {
        return Arrays.stream(args)
                .filter(arg -> arg.startsWith(name + "="))
                .map(arg -> Integer.parseInt(arg.substring(name.length() + 1)))
                .findFirst()
                .orElse(otherwise);
    }

    private static List<String> pieces(Path file) throws IOException {
        String text = Files.readString(file);
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at + 4000 <= Math.min(text.length(), 400_000); at += 4000) {
            pieces.add(text.substring(at, at + 4000));
        }
        return pieces;
    }

    private static int[][] windows(int[] ids, int measured) {
        List<int[]> windows = new ArrayList<>();
        for (int at = 0; at + WINDOW <= Math.min(ids.length, measured); at += WINDOW) {
            windows.add(Arrays.copyOfRange(ids, at, at + WINDOW));
        }
        return windows.toArray(int[][]::new);
    }

    private void approximators(int tokens) {
        row("dense", model);
        for (double share : new double[] {0.25, 0.125}) {
            DropPlan plan = SkipGpt.shortGpt(model, texts.subList(0, Math.min(20, texts.size())), share);
            LanguageModel pruned = SkipGpt.drop(model, plan);
            String name = String.format(Locale.ROOT, "ShortGPT, %.1f %%", 100 * plan.parameterRatio());
            row(name, pruned);
            for (int rank : new int[] {8, 32, 128}) {
                long start = System.nanoTime();
                LanguageModel fitted = SkipGpt.approximate(
                        pruned, texts, ApproximatorFit.of(rank).withTokens(tokens), ProgressObserver.silent());
                double seconds = (System.nanoTime() - start) / 1e9;
                row(String.format(Locale.ROOT, "%s, rank %d (%.0f s)", name, rank, seconds), fitted);
            }
        }
    }

    private void exact(String folder) {
        LanguageModel routed = SkipGpt.loadSkipGpt(folder, model);
        row("thresholds", routed);
        for (ExactBudget.Way way : ExactBudget.Way.values()) {
            LanguageModel exact = SkipGpt.exactBudget(routed, way, texts.subList(0, 40));
            row(way.toString(), exact);
        }
        LanguageModel fitted =
                SkipGpt.approximate(routed, texts, ApproximatorFit.of(8), ProgressObserver.silent());
        row("thresholds, approximators of rank 8", fitted);
    }

    private void row(String name, LanguageModel measured) {
        double nats = 0;
        long predicted = 0;
        double squares = 0;
        double sum = 0;
        for (int[] ids : test) {
            for (float p : measured.logProbabilities(ids)[0]) {
                nats -= p;
                predicted++;
            }
            double share = SparsityReport.of(measured, ids).cost().modules();
            sum += share;
            squares += share * share;
        }
        double mean = sum / test.length;
        double spread = Math.sqrt(Math.max(0, squares / test.length - mean * mean));
        SparsityReport report = SparsityReport.of(measured, test);
        System.out.printf(
                Locale.ROOT,
                "%s | %.4f nats | ppl %.2f | blocks %.1f %% | operations saved %.2f %% | modules %.2f %% (between texts %.2f)%n",
                name,
                nats / predicted,
                Math.exp(nats / predicted),
                100 * report.cost().paramsOfBlocks(),
                100 * report.cost().flops(),
                100 * mean,
                100 * spread);
        System.out.flush();
    }
}
