package org.skipgpt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.analyze.ContextDrift;
import org.skipgpt.analyze.DecisionGrid;
import org.skipgpt.analyze.GreedyAgreement;
import org.skipgpt.analyze.KvConsistency;
import org.skipgpt.analyze.ModuleCost;
import org.skipgpt.analyze.RoutingByTarget;
import org.skipgpt.analyze.RoutingMap;
import org.skipgpt.analyze.Scaling;
import org.skipgpt.analyze.TokenCost;
import org.skipgpt.analyze.TokenSimilarity;
import org.skipgpt.data.TokenTexts;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.LaCo;
import org.skipgpt.prune.LaCoConfig;
import org.skipgpt.prune.LlmPruner;
import org.skipgpt.prune.LlmPrunerConfig;
import org.skipgpt.prune.Ranking;
import org.skipgpt.prune.SliceGpt;
import org.skipgpt.prune.SliceGptConfig;
import org.skipgpt.prune.StockFolder;
import org.skipgpt.prune.StockGguf;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.torch.InUse;
import org.skipgpt.train.Recovery;
import org.skipgpt.train.TrainingCurves;
import org.skipgpt.train.TrainingRun;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

/**
 * The verbs that look at models and prune them; {@link SkipGpt} offers them with all others.
 *
 * <p>It is public for the sake of tab completion only, which leaves out what a hidden class declares.
 */
public abstract class SeeingVerbs {
    SeeingVerbs() {}

    /** How little each module changes each token of a text: the paper's figure 2. */
    public static TokenSimilarity redundancy(LanguageModel model, String text) {
        return TokenSimilarity.of(model, model.tokenizer().encodeWithBos(text));
    }

    /** Executed share of attention and MLP along the context, window 100: the paper's figure 6. */
    public static ContextDrift drift(LanguageModel model, String... texts) {
        return drift(model, ContextDrift.PAPER_WINDOW, ProgressObserver.silent(), texts);
    }

    /**
     * The same with another window.
     *
     * @param texts cut at the model's context
     */
    public static ContextDrift drift(LanguageModel model, int window, ProgressObserver observer, String... texts) {
        return ContextDrift.of(model, pieces(model, texts), window, observer);
    }

    /** Which modules the tokens of some texts run: executed share and router entropy of each. */
    public static RoutingMap routingMap(LanguageModel model, String... texts) {
        return RoutingMap.of(model, pieces(model, texts), ProgressObserver.silent());
    }

    /** Which token of a text runs which module: the paper's picture of token-wise, decoupled decisions. */
    public static DecisionGrid decisions(LanguageModel model, String text) {
        return DecisionGrid.of(model, model.tokenizer().encodeWithBos(text));
    }

    /** What each token of some texts costs, shaded in the text, and against its surprisal. */
    public static TokenCost tokenCost(LanguageModel model, String... texts) {
        return TokenCost.of(model, pieces(model, texts), ProgressObserver.silent());
    }

    /** Losses, skipped shares, temperature and learning rate of tunings, over each other: the paper's figure 4. */
    public static TrainingCurves curves(Tuned... tuned) {
        return TrainingCurves.of(tuned);
    }

    /** The same of runs. */
    public static TrainingCurves curves(TrainingRun... runs) {
        return TrainingCurves.of(runs);
    }

    /**
     * ShortGPT's plan: drops the layers that change the residual stream least, measured in pieces of 256 tokens.
     *
     * @param model one that is pruned already is pruned further; the plan holds what is gone as well
     * @param text calibration text
     * @param ratio wanted share of the parameters that its blocks have, 0..0.95
     */
    public static DropPlan shortGpt(LanguageModel model, String text, double ratio) {
        return Ranking.shortGpt(model, calibration(model, text), Ranking.FinalNorm.INCLUDED, ProgressObserver.silent())
                .plan(ratio);
    }

    /**
     * Joint Layer Drop's plan: drops the attention and MLP modules that change the residual stream least.
     *
     * @param model one that is pruned already is pruned further; the plan holds what is gone as well
     * @param text calibration text
     * @param ratio wanted share of the parameters that its blocks have, 0..0.95
     */
    public static DropPlan jointLayerDrop(LanguageModel model, String text, double ratio) {
        return Ranking.jointLayerDrop(model, calibration(model, text), ProgressObserver.silent())
                .plan(ratio);
    }

    /**
     * The plan of any criterion, e.g. {@code Criterion.taylor(Criterion.Grain.LAYERS)} or one of one's own.
     *
     * @param text calibration text
     * @param ratio wanted share of the parameters that the model's blocks have, 0..0.95
     */
    public static DropPlan plan(LanguageModel model, Criterion criterion, String text, double ratio) {
        return rank(model, criterion, text, ProgressObserver.silent()).plan(ratio);
    }

    /** What a criterion says of each part of a model, least important first; measured in pieces of 256 tokens. */
    public static Ranking rank(LanguageModel model, Criterion criterion, String text, ProgressObserver observer) {
        return Ranking.of(model, criterion, calibration(model, text), observer);
    }

    /** A model without the modules of a plan, and without those it lacks already; the weights are shared. */
    public static LanguageModel drop(LanguageModel model, DropPlan plan) {
        return plan.applyTo(model);
    }

    /**
     * LaCo: later layers merged into earlier ones where the last hidden states of a text stay similar; {@code model()} of the
     * result is an ordinary model with fewer layers.
     *
     * @param text a short one; it is cut into pieces of 256 tokens
     */
    public static LaCo collapse(LanguageModel model, LaCoConfig config, String text, ProgressObserver observer) {
        return LaCo.run(model, config, calibration(model, text), model.scope(), observer);
    }

    /**
     * LLM-Pruner: the heads and MLP channels that matter least to the loss go; {@code model()} of the result is a smaller model.
     *
     * @param text calibration text, cut into pieces of 64 tokens of which the first ten are used, as in the paper
     * @param ratio wanted share of the parameters that the model's blocks have
     */
    public static LlmPruner llmPruner(LanguageModel model, String text, double ratio) {
        return llmPruner(model, LlmPrunerConfig.matching(model.config(), ratio), text, ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static LlmPruner llmPruner(
            LanguageModel model, LlmPrunerConfig config, String text, ProgressObserver observer) {
        List<int[]> pieces = pieces(model, 64, text);
        try (InUse.Hold held = model.hold()) {
            List<int[]> first = pieces.subList(0, Math.min(10, pieces.size()));
            return LlmPruner.run(model, config, first, model.scope(), observer);
        }
    }

    /**
     * SliceGPT: the stream keeps the directions it varies along most; {@code model()} of the result is a smaller model.
     *
     * @param text calibration text, cut into pieces of 256 tokens
     * @param ratio wanted share of the parameters that the model's blocks have, matrices on the residual counted
     */
    public static SliceGpt sliceGpt(LanguageModel model, String text, double ratio) {
        return sliceGpt(model, SliceGptConfig.matching(model.config(), ratio), text, ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static SliceGpt sliceGpt(
            LanguageModel model, SliceGptConfig config, String text, ProgressObserver observer) {
        try (InUse.Hold held = model.hold()) {
            return SliceGpt.run(model, config, calibration(model, text), model.scope(), observer);
        }
    }

    /** Heals a pruned model with a fresh adapter over what is left; practical settings. */
    public static Tuned recover(LanguageModel pruned, List<String> documents) {
        return recover(pruned, documents, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with the settings of a paper, told to an observer. */
    public static Tuned recover(
            LanguageModel pruned, List<String> documents, Recovery preset, ProgressObserver observer) {
        return Tuning.recover(pruned, documents, preset.options(), observer);
    }

    /** The same with settings, told to an observer. */
    public static Tuned recover(
            LanguageModel pruned, List<String> documents, TuningOptions options, ProgressObserver observer) {
        return Tuning.recover(pruned, documents, options, observer);
    }

    /**
     * Writes a model without whole layers, or with weights of its own, as a smaller Hugging Face folder; see {@link StockFolder}.
     *
     * @param tokenizerFiles folder of the base, whose tokenizer files are copied
     */
    public static void export(LanguageModel pruned, String tokenizerFiles, String folder) {
        StockFolder.save(pruned, Path.of(tokenizerFiles), Path.of(folder));
    }

    /**
     * Writes a model without whole layers, or a dense one, as a GGUF file that llama.cpp runs; see {@link StockGguf}. Matrices
     * keep the type they have in memory.
     *
     * @param tokenizerFiles folder or file, GGUF too, that the base was loaded from
     */
    public static void exportGguf(LanguageModel pruned, String tokenizerFiles, String file) {
        StockGguf.save(pruned, Path.of(tokenizerFiles), Path.of(file), StockGguf.asInMemory(pruned));
    }

    /**
     * The same with matrices rounded.
     *
     * @param type F32, F16, BF16 or Q8_0
     */
    public static void exportGguf(LanguageModel pruned, String tokenizerFiles, String file, String type) {
        StockGguf.save(pruned, Path.of(tokenizerFiles), Path.of(file), GgufStorage.of(type));
    }

    /** Logits, memory and speed of the three K/V policies against the whole pass with all keys. */
    public static KvConsistency kvConsistency(LanguageModel model, String... texts) {
        return KvConsistency.of(model, pieces(model, texts), ProgressObserver.silent());
    }

    /** Measured time of each module on a text read at once, beside the operations the formula counts. */
    public static ModuleCost cost(LanguageModel model, String text) {
        return ModuleCost.of(model, pieces(model, text).get(0), ModuleCost.ROUNDS, ProgressObserver.silent());
    }

    /** What attention and MLP skip when one model's thresholds are turned to each target: the paper's figure 5. */
    public static RoutingByTarget targets(LanguageModel model, double[] targets, String... texts) {
        return RoutingByTarget.dialled(model, targets, pieces(model, texts), ProgressObserver.silent());
    }

    /** How long a model writes what the dense one writes, greedily, up to 64 tokens a prompt. */
    public static GreedyAgreement agreement(LanguageModel model, LanguageModel dense, String... prompts) {
        List<int[]> ids =
                Arrays.stream(prompts).map(model.tokenizer()::encodeWithBos).toList();
        return GreedyAgreement.of(model, dense, ids, 64, ProgressObserver.silent());
    }

    /**
     * Perplexity against sparsity: the paper's figure 7.
     *
     * @param methods models by method, each a point of the method's line
     */
    public static Scaling scaling(Map<String, List<LanguageModel>> methods, String... texts) {
        List<Scaling.Trial> trials = new ArrayList<>();
        methods.forEach((method, models) -> {
            for (LanguageModel model : models) {
                String setting = model.policy().describe() + " #" + trials.size();
                trials.add(new Scaling.Trial(
                        method, setting, model.policy().identity().json(), () -> model));
            }
        });
        LanguageModel first = methods.values().stream()
                .flatMap(List::stream)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no model to measure; give one for each method"));
        return Scaling.sweep(trials, pieces(first, texts), Optional.empty(), ProgressObserver.silent());
    }

    private static List<int[]> calibration(LanguageModel model, String text) {
        return pieces(model, 256, text);
    }

    private static List<int[]> pieces(LanguageModel model, int tokens, String text) {
        return TokenTexts.cut(
                model.tokenizer(), text, Math.min(tokens, model.config().maxPositions()));
    }

    private static List<int[]> pieces(LanguageModel model, String... texts) {
        List<int[]> pieces = new ArrayList<>();
        for (String text : texts) {
            pieces.addAll(TokenTexts.cut(model.tokenizer(), text, model.config().maxPositions()));
        }
        return pieces;
    }
}
