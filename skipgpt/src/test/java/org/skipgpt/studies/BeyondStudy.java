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
import org.skipgpt.SkipGpt;
import org.skipgpt.eval.AnswerAgreement;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.TaskResult;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.Cost;
import org.skipgpt.route.ExactBudget;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * Numbers of docs/beyond.md.
 *
 * <pre>
 * BeyondStudy approximators world|MODEL [TEXTS TEST] [tokens=2048] [calibrated=20] [measured=4096]
 * BeyondStudy exact world world/skipgpt-25
 * BeyondStudy answers world world/skipgpt-25 [questions=300]
 * BeyondStudy calibration world|MODEL [NAME:FILE ...] [steps=300] [rows=4] [seeds=1,2,3]
 * BeyondStudy milliseconds world|MODEL [TRAIN VALID] [costs=run|saved] [steps=200] [seeds=1,2,3]
 * BeyondStudy positions world|MODEL [TRAIN VALID] [logits=1] [steps=200] [seeds=1,2,3]
 * BeyondStudy proportions MODEL TRAIN VALID WORK [steps=600] [tuned=200] [seeds=1,2,3]
 * </pre>
 *
 * Prints a line a row: loss and perplexity on texts that nothing was fitted on, and operations saved on them.
 */
public final class BeyondStudy {
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
        switch (args[0]) {
            case "calibration" -> CalibrationText.run(args);
            case "milliseconds" -> Milliseconds.run(args);
            case "positions" -> PositionBudget.run(args);
            case "proportions" -> Proportions.run(args);
            default -> measured(args);
        }
    }

    private static void measured(String[] args) throws IOException {
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
        if (args[0].equals("answers")) {
            study.answers(args[2], number(args, "questions", 300));
        } else if (args[0].equals("approximators")) {
            study.approximators(number(args, "tokens", 2048), number(args, "calibrated", 20));
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

    private void approximators(int tokens, int calibrated) {
        row("dense", model);
        List<String> first = texts.subList(0, Math.min(calibrated, texts.size()));
        LanguageModel pruned = pruned(first, 0.25);
        for (int rank : new int[] {32, 128, 8}) {
            long start = System.nanoTime();
            LanguageModel fitted = SkipGpt.approximate(
                    pruned, texts, ApproximatorFit.of(rank).withTokens(tokens), ProgressObserver.silent());
            double seconds = (System.nanoTime() - start) / 1e9;
            row(String.format(Locale.ROOT, "the same, rank %d (%.0f s)", rank, seconds), fitted);
        }
        // about as many operations as the largest rank leaves saved
        pruned(first, 0.21);
    }

    private LanguageModel pruned(List<String> first, double share) {
        DropPlan plan = SkipGpt.shortGpt(model, first, share);
        LanguageModel pruned = SkipGpt.drop(model, plan);
        row(String.format(Locale.ROOT, "ShortGPT, %.1f %%", 100 * plan.parameterRatio()), pruned);
        return pruned;
    }

    private void exact(String folder) {
        LanguageModel routed = SkipGpt.loadSkipGpt(folder, model);
        row("thresholds", routed);
        for (ExactBudget.Way way : ExactBudget.Way.values()) {
            LanguageModel exact = SkipGpt.exactBudget(routed, way, texts.subList(0, 40));
            row(way.toString(), exact);
        }
        LanguageModel fitted = SkipGpt.approximate(routed, texts, ApproximatorFit.of(8), ProgressObserver.silent());
        row("thresholds, approximators of rank 8", fitted);
    }

    // The same questions with choices and without, of models that skip about as much.
    private void answers(String folder, int questions) {
        LanguageModel routed = SkipGpt.loadSkipGpt(folder, model);
        double share = SparsityReport.of(routed, test).cost().paramsOfBlocks();
        Map<String, LanguageModel> models = new LinkedHashMap<>();
        models.put("dense", model);
        models.put("SkipGPT-RT-L", routed);
        models.put("SkipGPT-RT", SkipGpt.loadSkipGpt("world/routers-25", model));
        DropPlan shortGpt = SkipGpt.shortGpt(model, texts, share);
        models.put("ShortGPT", SkipGpt.drop(model, shortGpt));
        models.put("Joint Layer Drop", SkipGpt.drop(model, SkipGpt.jointLayerDrop(model, texts, share)));
        Tuned healed = SkipGpt.recover(
                SkipGpt.drop(model, shortGpt),
                SkipGpt.worldTexts(4000, 7),
                TuningOptions.practical().withSteps(300).withBatch(8, 128),
                ProgressObserver.silent());
        models.put("ShortGPT+LoRA", healed.model());
        List<String> asked = List.of("arc_easy", "arc_easy-answers", "openbookqa", "openbookqa-answers");
        EvaluationOptions options = EvaluationOptions.defaults().withFirst(questions);
        Evaluation dense = SkipGpt.evaluate(model, asked, options, ProgressObserver.silent());
        models.forEach((name, one) -> {
            row(name, one);
            Evaluation found = SkipGpt.evaluate(one, asked, options, ProgressObserver.silent());
            System.out.println(found.table().text());
            for (String task : asked) {
                TaskResult answered = found.task(task).orElseThrow();
                if (answered.task().answer().isPresent()) {
                    System.out.println(AnswerAgreement.of(dense.task(task).orElseThrow(), answered));
                }
            }
        });
    }

    private void row(String name, LanguageModel measured) {
        double nats = 0;
        long predicted = 0;
        double squares = 0;
        double modules = 0;
        double blocks = 0;
        double saved = 0;
        for (int[] ids : test) {
            for (float p : measured.logProbabilities(ids)[0]) {
                nats -= p;
                predicted++;
            }
            Cost cost = SparsityReport.of(measured, ids).cost();
            modules += cost.modules() / test.length;
            squares += cost.modules() * cost.modules() / test.length;
            blocks += cost.paramsOfBlocks() / test.length;
            saved += cost.flops() / test.length;
        }
        System.out.printf(
                Locale.ROOT,
                "%s | %.4f nats | ppl %.2f | blocks %.1f %% | operations saved %.2f %% | modules %.2f %% (between"
                        + " texts %.2f)%n",
                name,
                nats / predicted,
                Math.exp(nats / predicted),
                100 * blocks,
                100 * saved,
                100 * modules,
                100 * Math.sqrt(Math.max(0, squares - modules * modules)));
        System.out.flush();
    }
}
