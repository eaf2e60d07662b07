package org.skipgpt;

import java.net.URI;
import java.nio.file.Path;
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
import org.skipgpt.bench.Benchmark;
import org.skipgpt.bench.BenchmarkOptions;
import org.skipgpt.bench.BenchmarkResult;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.eval.Comparison;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Perplexity;
import org.skipgpt.eval.PerplexityOptions;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.HubUpload;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.SelfSpeculation;
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
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.ExactBudget;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.ChatMessage;
import org.skipgpt.tokens.TokenView;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.InUse;
import org.skipgpt.train.Recovery;
import org.skipgpt.train.RouterFit;
import org.skipgpt.train.SeedTrials;
import org.skipgpt.train.SkipGptFolder;
import org.skipgpt.train.TextTraining;
import org.skipgpt.train.TrainingCurves;
import org.skipgpt.train.TrainingRun;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.weights.Placement;

/**
 * The verbs, for notebooks, JShell and programs; the only star import.
 *
 * <p>Arguments stand in one order: the model, what is asked of it, texts, the share to skip, options, an observer that is
 * told how far the work is. Without options a verb takes the usual ones, without an observer it is silent. Texts are a list
 * of documents; a verb that draws one text takes that. A verb does nothing itself: it cuts texts into tokens where need be and
 * hands over to the room that does the work.
 *
 * <pre>{@code
 * import static org.skipgpt.SkipGpt.*;
 * workspace("cpu", "fp32");
 * var model = load("path/of/a/hugging-face-folder");
 * float[][][] logits = model.logits(model.tokenizer().encodeWithBos("Once upon a time"));
 * }</pre>
 */
public final class SkipGpt {
    private SkipGpt() {}

    // Opening, loading.

    /** Opens a workspace on the first GPU in bf16, or without one on the CPU in fp32; frees the models of the one before. */
    public static Workspace workspace() {
        return Workspace.open();
    }

    /**
     * Opens a workspace on a device; frees the models of the one before.
     *
     * @param device {@code cpu}, {@code gpu}, {@code gpu1}, or {@code auto} for all GPUs and then the CPU, over which layers are
     *     placed as far as they fit, the rest streamed
     * @param dtype {@code fp32}, {@code bf16} or {@code fp16}; for inference on a CPU also {@code q8_0}, {@code q4_0} or {@code q4_1}
     */
    public static Workspace workspace(String device, String dtype) {
        return Workspace.open(device, dtype);
    }

    /** What environment variables say that a notebook works on; opens the workspace they name. */
    public static Settings settings() {
        Settings settings = Settings.ofEnvironment();
        settings.open();
        return settings;
    }

    /**
     * Loads a dense model into the workspace.
     *
     * @param name a Hugging Face folder; a llama2.c {@code .bin} file with its tokenizer beside it; {@code owner/name} of
     *     the Hugging Face hub, downloaded into its cache where it is not there yet; or {@code world}, the small model
     *     that comes with the project
     * @throws org.skipgpt.io.CheckpointException if there is no such model, or it is broken or of an unknown family
     */
    public static LanguageModel load(String name) {
        return load(name, ProgressObserver.silent());
    }

    /** The same; a download tells an observer how far it is. */
    public static LanguageModel load(String name, ProgressObserver observer) {
        Workspace workspace = Workspace.current();
        return workspace.isSpread()
                ? load(name, "auto", observer)
                : workspace.add(manager -> Checkpoints.load(name, manager, workspace.dtype(), observer));
    }

    /**
     * Loads a dense model whose layers lie where a map says: on one of several devices, or {@code streamed}, in the file, from which a
     * module is brought when it runs. What it says equals what the model on one device says, bit for bit where devices are alike.
     *
     * <pre>{@code
     * var model = load("a/folder/that/is/too/large", "auto");
     * model.reads();                                            // what was read from the file so far
     * }</pre>
     *
     * @param placement {@code auto}, {@code streamed}, or a map such as {@code gpu0=0-19, gpu1=20-29, streamed}
     * @throws org.skipgpt.io.CheckpointException as without a map; and if what is to be in memory does not fit there
     */
    public static LanguageModel load(String name, String placement) {
        return load(name, placement, ProgressObserver.silent());
    }

    /** The same; a download tells an observer how far it is. */
    public static LanguageModel load(String name, String placement, ProgressObserver observer) {
        Workspace workspace = Workspace.current();
        return workspace.add(manager ->
                Checkpoints.load(name, placement, workspace.devices(), manager, workspace.dtype(), observer));
    }

    /** Which layers of a model {@code load(name, "auto")} would hold in memory here, and what a pass would read; nothing is loaded. */
    public static Placement placement(String name) {
        return placement(name, "auto");
    }

    /** The same for a map of one's own. */
    public static Placement placement(String name, String placement) {
        Workspace workspace = Workspace.current();
        return Checkpoints.placement(
                name, placement, workspace.devices(), workspace.dtype(), ProgressObserver.silent());
    }

    /**
     * A model with random weights and the embedded world's tokenizer, to train or to measure.
     *
     * @param config its shape; the vocabulary must hold the tokenizer's ids
     * @param seed where the draws start
     */
    public static LanguageModel random(DecoderConfig config, long seed) {
        return random(config, tokenizer(), seed);
    }

    /** A model with random weights and a tokenizer of one's own. */
    public static LanguageModel random(DecoderConfig config, Tokenizer tokenizer, long seed) {
        return Workspace.current().random(config, tokenizer, seed);
    }

    /** The embedded world's tokenizer. */
    public static Tokenizer tokenizer() {
        return Checkpoints.worldTokenizer();
    }

    /** How the model loaded last, or without one the embedded world's tokenizer, cuts a text: pieces and ids. */
    public static TokenView tokens(String text) {
        Tokenizer tokenizer =
                Workspace.current().latest().map(LanguageModel::tokenizer).orElseGet(SkipGpt::tokenizer);
        return TokenView.of(tokenizer, text);
    }

    /** How a model cuts a text: pieces and ids. */
    public static TokenView tokens(LanguageModel model, String text) {
        return TokenView.of(model.tokenizer(), text);
    }

    // Writing text.

    /** Continues a text greedily, up to 128 tokens. */
    public static Generation generate(LanguageModel model, String prompt) {
        return model.generate(prompt);
    }

    /**
     * Continues texts together.
     *
     * @throws IllegalArgumentException if a prompt is longer than the model's context
     */
    public static Generation generate(LanguageModel model, List<String> prompts, GenerationOptions options) {
        return model.generate(options, prompts.toArray(new String[0]));
    }

    /**
     * Continues a text with what the dense model says, drafted four tokens ahead by a skipping view of the same weights.
     *
     * <pre>{@code
     * speculate(base, loadSkipGpt("world/skipgpt-25", base), "A frog likes to eat")
     * }</pre>
     */
    public static SelfSpeculation speculate(LanguageModel dense, LanguageModel drafter, String prompt) {
        return speculate(dense, drafter, prompt, 4, GenerationOptions.defaults());
    }

    /**
     * The same so many tokens ahead.
     *
     * @param ahead tokens that are drafted before the dense model checks them, 1..64
     * @param options greedy ones
     */
    public static SelfSpeculation speculate(
            LanguageModel dense, LanguageModel drafter, String prompt, int ahead, GenerationOptions options) {
        return SelfSpeculation.run(
                dense, drafter, ahead, options, dense.tokenizer().encodeWithBos(prompt));
    }

    /** Answers what a user says, in the checkpoint's own chat template: greedily, up to 128 tokens. */
    public static Generation chat(LanguageModel model, String user) {
        return chat(model, List.of(ChatMessage.user(user)), GenerationOptions.defaults());
    }

    /**
     * Answers a conversation.
     *
     * @throws org.skipgpt.data.DataException if the checkpoint has no template, or its template refuses the conversation
     */
    public static Generation chat(LanguageModel model, List<ChatMessage> messages, GenerationOptions options) {
        return model.chat(options, messages);
    }

    // Looking at a model.

    /** How little each module changes each token of a text: the paper's figure 2. */
    public static TokenSimilarity redundancy(LanguageModel model, String text) {
        return TokenSimilarity.of(model, model.tokenizer().encodeWithBos(text));
    }

    /** Which token of a text runs which module: the paper's picture of token-wise, decoupled decisions. */
    public static DecisionGrid decisions(LanguageModel model, String text) {
        return DecisionGrid.of(model, model.tokenizer().encodeWithBos(text));
    }

    /** Executed share of attention and MLP along the context, window 100: the paper's figure 6. */
    public static ContextDrift drift(LanguageModel model, List<String> texts) {
        return drift(model, texts, ContextDrift.PAPER_WINDOW, ProgressObserver.silent());
    }

    /**
     * The same with another window, told to an observer.
     *
     * @param texts cut at the model's context
     */
    public static ContextDrift drift(LanguageModel model, List<String> texts, int window, ProgressObserver observer) {
        return ContextDrift.of(model, Pieces.of(model, texts), window, observer);
    }

    /** Which modules the tokens of some texts run: executed share and router entropy of each. */
    public static RoutingMap routingMap(LanguageModel model, List<String> texts) {
        return routingMap(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static RoutingMap routingMap(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return RoutingMap.of(model, Pieces.of(model, texts), observer);
    }

    /** What each token of some texts costs, shaded in the text, and against its surprisal. */
    public static TokenCost tokenCost(LanguageModel model, List<String> texts) {
        return tokenCost(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static TokenCost tokenCost(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return TokenCost.of(model, Pieces.of(model, texts), observer);
    }

    /** What each token of some texts ran and skipped; each is cut at the model's context. */
    public static RoutingTrace trace(LanguageModel model, List<String> texts) {
        return trace(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static RoutingTrace trace(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return sparsity(model, texts, observer).trace();
    }

    /** Realised skipping on some texts, each cut at the model's context, and what it saves in every way it is counted. */
    public static SparsityReport sparsity(LanguageModel model, List<String> texts) {
        return sparsity(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static SparsityReport sparsity(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return SparsityReport.of(model, Pieces.beginnings(model, texts), observer);
    }

    /** Loss on texts that nothing learned from, each read alone and cut at the model's context: nats a predicted token. */
    public static double heldOutLoss(LanguageModel model, List<String> texts) {
        return heldOutLoss(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static double heldOutLoss(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return LanguageLoss.ofTexts(model, Pieces.beginnings(model, texts), observer);
    }

    /** Losses, skipped shares, temperature and learning rate of tunings, over each other: the paper's figure 4. */
    public static TrainingCurves curves(Tuned... tuned) {
        return TrainingCurves.of(tuned);
    }

    /** The same of runs. */
    public static TrainingCurves curves(TrainingRun... runs) {
        return TrainingCurves.of(runs);
    }

    /** Logits, memory and speed of the three K/V policies against the whole pass with all keys. */
    public static KvConsistency kvConsistency(LanguageModel model, List<String> texts) {
        return kvConsistency(model, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static KvConsistency kvConsistency(LanguageModel model, List<String> texts, ProgressObserver observer) {
        return KvConsistency.of(model, Pieces.of(model, texts), observer);
    }

    /** Measured time of each module on a text read at once, beside the operations the formula counts. */
    public static ModuleCost moduleTime(LanguageModel model, String text) {
        return moduleTime(model, text, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static ModuleCost moduleTime(LanguageModel model, String text, ProgressObserver observer) {
        return ModuleCost.of(model, Pieces.of(model, List.of(text)).get(0), ModuleCost.ROUNDS, observer);
    }

    /** What attention and MLP skip when one model's thresholds are turned to each share: the paper's figure 5. */
    public static RoutingByTarget routingByTarget(LanguageModel model, List<String> texts, double... shares) {
        return routingByTarget(model, texts, shares, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static RoutingByTarget routingByTarget(
            LanguageModel model, List<String> texts, double[] shares, ProgressObserver observer) {
        return RoutingByTarget.dialled(model, shares, Pieces.of(model, texts), observer);
    }

    /** How long a model writes what the dense one writes, greedily, up to 64 tokens a prompt. */
    public static GreedyAgreement agreement(LanguageModel model, LanguageModel dense, List<String> prompts) {
        return agreement(model, dense, prompts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static GreedyAgreement agreement(
            LanguageModel model, LanguageModel dense, List<String> prompts, ProgressObserver observer) {
        List<int[]> ids = prompts.stream().map(model.tokenizer()::encodeWithBos).toList();
        return GreedyAgreement.of(model, dense, ids, 64, observer);
    }

    /**
     * Perplexity against sparsity: the paper's figure 7.
     *
     * @param methods models by method, each a point of the method's line
     */
    public static Scaling scaling(Map<String, List<LanguageModel>> methods, List<String> texts) {
        return scaling(methods, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static Scaling scaling(
            Map<String, List<LanguageModel>> methods, List<String> texts, ProgressObserver observer) {
        return Scaling.of(methods, model -> Pieces.of(model, texts), observer);
    }

    // Pruning: the same modules for all tokens.

    /**
     * ShortGPT's plan: drops the layers that change the residual stream least, measured in pieces of 256 tokens.
     *
     * @param model one that is pruned already is pruned further; the plan holds what is gone as well
     * @param texts for calibration
     * @param share of the parameters that its blocks have, 0..0.95
     */
    public static DropPlan shortGpt(LanguageModel model, List<String> texts, double share) {
        return shortGpt(model, texts, share, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static DropPlan shortGpt(LanguageModel model, List<String> texts, double share, ProgressObserver observer) {
        return Ranking.shortGpt(model, Pieces.calibration(model, texts), Ranking.FinalNorm.INCLUDED, observer)
                .plan(share);
    }

    /**
     * Joint Layer Drop's plan: drops the attention and MLP modules that change the residual stream least.
     *
     * @param model one that is pruned already is pruned further; the plan holds what is gone as well
     * @param texts for calibration
     * @param share of the parameters that its blocks have, 0..0.95
     */
    public static DropPlan jointLayerDrop(LanguageModel model, List<String> texts, double share) {
        return jointLayerDrop(model, texts, share, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static DropPlan jointLayerDrop(
            LanguageModel model, List<String> texts, double share, ProgressObserver observer) {
        return Ranking.jointLayerDrop(model, Pieces.calibration(model, texts), observer)
                .plan(share);
    }

    /**
     * The plan of any criterion, e.g. {@code Criterion.taylor(Criterion.Grain.LAYERS)} or one of one's own.
     *
     * @param texts for calibration
     * @param share of the parameters that the model's blocks have, 0..0.95
     */
    public static DropPlan plan(LanguageModel model, Criterion criterion, List<String> texts, double share) {
        return plan(model, criterion, texts, share, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static DropPlan plan(
            LanguageModel model, Criterion criterion, List<String> texts, double share, ProgressObserver observer) {
        return rank(model, criterion, texts, observer).plan(share);
    }

    /** What a criterion says of each part of a model, least important first; measured in pieces of 256 tokens. */
    public static Ranking rank(LanguageModel model, Criterion criterion, List<String> texts) {
        return rank(model, criterion, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static Ranking rank(
            LanguageModel model, Criterion criterion, List<String> texts, ProgressObserver observer) {
        return Ranking.of(model, criterion, Pieces.calibration(model, texts), observer);
    }

    /** A model without the modules of a plan, and without those it lacks already; the weights are shared. */
    public static LanguageModel drop(LanguageModel model, DropPlan plan) {
        return plan.applyTo(model);
    }

    /**
     * A model whose skipped modules are approximated: rows that skip, by a plan or by routers, go through a linear map of a rank
     * fitted to what the module would have added.
     *
     * <pre>{@code
     * var approximated = approximate(drop(model, shortGpt(model, texts, 0.25)), texts, 32);
     * }</pre>
     *
     * @param texts for calibration; about 16,384 tokens of them are read, in pieces of 256
     * @param rank of each map, 0 or more; 0 is plain skipping
     */
    public static LanguageModel approximate(LanguageModel skipping, List<String> texts, int rank) {
        return approximate(skipping, texts, ApproximatorFit.of(rank), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static LanguageModel approximate(
            LanguageModel skipping, List<String> texts, ApproximatorFit options, ProgressObserver observer) {
        return options.run(skipping, Pieces.calibration(skipping, texts), observer);
    }

    /**
     * LaCo: later layers merged into earlier ones where the last hidden states of texts stay similar; {@code model()} of the
     * result is an ordinary model with fewer layers.
     *
     * @param texts short ones; they are cut into pieces of 256 tokens
     */
    public static LaCo laCo(LanguageModel model, LaCoConfig config, List<String> texts) {
        return laCo(model, config, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static LaCo laCo(LanguageModel model, LaCoConfig config, List<String> texts, ProgressObserver observer) {
        return LaCo.run(model, config, Pieces.calibration(model, texts), model.scope(), observer);
    }

    /**
     * LLM-Pruner: the heads and MLP channels that matter least to the loss go; {@code model()} of the result is a smaller model.
     *
     * @param texts for calibration, cut into pieces of 64 tokens of which the first ten are used, as in the paper
     * @param share of the parameters that the model's blocks have
     */
    public static LlmPruner llmPruner(LanguageModel model, List<String> texts, double share) {
        return llmPruner(model, LlmPrunerConfig.matching(model.config(), share), texts, ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static LlmPruner llmPruner(
            LanguageModel model, LlmPrunerConfig config, List<String> texts, ProgressObserver observer) {
        List<int[]> pieces = Pieces.of(model, texts, 64);
        try (InUse.Hold held = model.hold()) {
            List<int[]> first = pieces.subList(0, Math.min(10, pieces.size()));
            return LlmPruner.run(model, config, first, model.scope(), observer);
        }
    }

    /**
     * SliceGPT: the stream keeps the directions it varies along most; {@code model()} of the result is a smaller model.
     *
     * @param texts for calibration, cut into pieces of 256 tokens
     * @param share of the parameters that the model's blocks have, matrices on the residual counted
     */
    public static SliceGpt sliceGpt(LanguageModel model, List<String> texts, double share) {
        return sliceGpt(model, SliceGptConfig.matching(model.config(), share), texts, ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static SliceGpt sliceGpt(
            LanguageModel model, SliceGptConfig config, List<String> texts, ProgressObserver observer) {
        try (InUse.Hold held = model.hold()) {
            return SliceGpt.run(model, config, Pieces.calibration(model, texts), model.scope(), observer);
        }
    }

    /** Heals a pruned model with a fresh adapter over what is left; practical settings. */
    public static Tuned recover(LanguageModel pruned, List<String> texts) {
        return recover(pruned, texts, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with the settings of a paper, told to an observer. */
    public static Tuned recover(LanguageModel pruned, List<String> texts, Recovery preset, ProgressObserver observer) {
        return Tuning.recover(pruned, texts, preset.options(), observer);
    }

    /** The same with settings, told to an observer. */
    public static Tuned recover(
            LanguageModel pruned, List<String> texts, TuningOptions options, ProgressObserver observer) {
        return Tuning.recover(pruned, texts, options, observer);
    }

    // Tuning: which tokens skip what is learned.

    /** A model with fresh, untuned routers that decide without noise; seed 43. */
    public static LanguageModel withRouters(LanguageModel model, RouterConfig config) {
        return Tuning.withRouters(model, config, 43);
    }

    /**
     * A model with routers that the authors' code tuned, e.g. those published for Llama-3.1-8B.
     *
     * <pre>{@code
     * var routed = withPublishedRouters(load("meta-llama/Llama-3.1-8B"), "router.pth");
     * }</pre>
     *
     * @param file their {@code .pth} file; nothing in it is executed
     * @throws org.skipgpt.io.CheckpointException if a tensor is missing or has another shape than the model's routers
     */
    public static LanguageModel withPublishedRouters(LanguageModel model, String file) {
        return Tuning.withPublishedRouters(model, Path.of(file));
    }

    /**
     * Routers without tuning, fitted to what leaving out each module costs each token: a start for {@code tuneRouters}.
     *
     * <pre>{@code
     * var fitted = fitRouters(model, texts, 0.25);
     * var tuned = tuneRouters(fitted, texts, 0.25, TuningOptions.practical().withFittedRouters(), observer);
     * }</pre>
     *
     * @param texts to measure on; about 4,096 tokens of them are read once a module
     * @param share of block parameters to skip, 0..1
     */
    public static LanguageModel fitRouters(LanguageModel model, List<String> texts, double share) {
        return fitRouters(model, texts, share, RouterFit.defaults(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static LanguageModel fitRouters(
            LanguageModel model, List<String> texts, double share, RouterFit options, ProgressObserver observer) {
        return options.run(model, share, texts, observer);
    }

    /**
     * Stage 1: routers learn to skip a share of all module runs, weights stay; practical settings.
     *
     * @param texts to learn from; the last tenth, at most 32, is kept back to measure on
     * @param share to skip, 0..1
     */
    public static Tuned tuneRouters(LanguageModel model, List<String> texts, double share) {
        return tuneRouters(model, texts, share, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer; interrupted, it returns what was learned so far. */
    public static Tuned tuneRouters(
            LanguageModel model, List<String> texts, double share, TuningOptions options, ProgressObserver observer) {
        return Tuning.routers(model, share, texts, options, observer);
    }

    /**
     * Stage 1 from several seeds, one after another; the result's {@code best()} is the one with the least loss on texts kept
     * back. On a pretrained model seeds differ more than recipes do.
     *
     * <pre>{@code
     * var trials = bestOfSeeds(model, List.of(43L, 44L, 45L), texts, 0.25, TuningOptions.practical(), observer);
     * }</pre>
     *
     * @param options with thresholds that keep the share, as practical ones do; their seed is not used
     */
    public static SeedTrials bestOfSeeds(
            LanguageModel model,
            List<Long> seeds,
            List<String> texts,
            double share,
            TuningOptions options,
            ProgressObserver observer) {
        return SeedTrials.run(model, share, texts, options, seeds, observer);
    }

    /** Stage 2: a fresh adapter heals a model with routers, which are frozen; practical settings. */
    public static Tuned tuneLora(LanguageModel model, List<String> texts) {
        return tuneLora(model, texts, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneLora(
            LanguageModel model, List<String> texts, TuningOptions options, ProgressObserver observer) {
        return Tuning.lora(model, texts, options, observer);
    }

    /** SkipGPT-Joint: routers and adapter learn together; {@link TuningOptions#practicalJoint}. */
    public static Tuned tuneJoint(LanguageModel model, List<String> texts, double share) {
        return tuneJoint(model, texts, share, TuningOptions.practicalJoint(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneJoint(
            LanguageModel model, List<String> texts, double share, TuningOptions options, ProgressObserver observer) {
        return Tuning.joint(model, share, texts, options, observer);
    }

    /** The control: the same adapter on the same text, nothing skipped; practical settings. */
    public static Tuned tuneDenseLora(LanguageModel model, List<String> texts) {
        return tuneDenseLora(model, texts, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneDenseLora(
            LanguageModel model, List<String> texts, TuningOptions options, ProgressObserver observer) {
        return Tuning.denseLora(model, texts, options, observer);
    }

    /**
     * MoD-D, a rival: the best tokens of each sequence run each module, chosen by routers that learn beside an adapter; the
     * result decides by predictors, which do not look ahead. Workshop settings.
     *
     * @param share of tokens that skip each module, from 0 to below 1
     */
    public static Tuned tuneMixture(LanguageModel model, List<String> texts, double share) {
        return tuneMixture(model, texts, share, TuningOptions.workshop(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneMixture(
            LanguageModel model, List<String> texts, double share, TuningOptions options, ProgressObserver observer) {
        return Tuning.mixture(model, 1 - share, texts, options, observer);
    }

    /** Mixture-of-Depths in any form: {@code MixtureForm.blocks(0.125)} is MoD itself, whole layers, every other one. */
    public static Tuned tuneMixture(
            LanguageModel model,
            MixtureForm form,
            List<String> texts,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.mixture(model, form, texts, options, observer);
    }

    /**
     * D-LLM, a rival: a router a layer decides for each token, keys and values of tokens that skip a layer are not kept there, and an
     * adapter learns beside the routers. Workshop settings.
     *
     * @param share of layer runs to skip, 0..1
     */
    public static Tuned tuneDLlm(LanguageModel model, List<String> texts, double share) {
        return tuneDLlm(model, DLlmForm.of(share), texts, TuningOptions.workshop(), ProgressObserver.silent());
    }

    /** The same in any form with settings, told to an observer; {@code TuningOptions.dLlm()} has the authors' own. */
    public static Tuned tuneDLlm(
            LanguageModel model, DLlmForm form, List<String> texts, TuningOptions options, ProgressObserver observer) {
        return Tuning.dLlm(model, form, texts, options, observer);
    }

    /**
     * Thresholds that let one model with routers serve several shares to skip; {@code dial.set(model, 0.4)} turns it.
     *
     * @param texts like those to come
     * @param shares to skip, 0..1, one or more
     */
    public static BudgetDial budgetDial(LanguageModel model, List<String> texts, double... shares) {
        return budgetDial(model, Budget.of(0).kind(), texts, shares);
    }

    /** The same where the shares are counted in parameters, or in operations, instead of modules. */
    public static BudgetDial budgetDial(LanguageModel model, Budget.Kind kind, List<String> texts, double... shares) {
        return budgetDial(model, kind, texts, shares, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static BudgetDial budgetDial(
            LanguageModel model, Budget.Kind kind, List<String> texts, double[] shares, ProgressObserver observer) {
        return budgetDial(model, Budget.of(0).withKind(kind), texts, shares, observer);
    }

    /**
     * The same where a budget says what is counted, e.g. milliseconds: {@code Budget.of(0).withCosts(moduleTime(model,
     * text).seconds())}; its target is not used.
     */
    public static BudgetDial budgetDial(
            LanguageModel model, Budget budget, List<String> texts, double[] shares, ProgressObserver observer) {
        return BudgetDial.calibrate(model, budget, shares, observer, Pieces.beginnings(model, texts));
    }

    /**
     * A model with routers under which every text spends the same: of each module exactly the share of its rows skips that the
     * routers skip of it on some texts, those with the least margins.
     *
     * @param way {@code WHOLE_TEXT}, which looks ahead, or {@code CAUSAL}, whose threshold follows what was spent
     * @param texts like those to come
     */
    public static LanguageModel exactBudget(LanguageModel routed, ExactBudget.Way way, List<String> texts) {
        return exactBudget(routed, way, texts, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static LanguageModel exactBudget(
            LanguageModel routed, ExactBudget.Way way, List<String> texts, ProgressObserver observer) {
        return ExactBudget.like(routed, way, observer, Pieces.beginnings(routed, texts));
    }

    // Keeping and sharing what was made.

    /** Saves what was tuned, routers and adapter, as a small folder beside its base; an existing one is not touched. */
    public static void save(Tuned tuned, String folder) {
        SkipGptFolder.save(Path.of(folder), tuned);
    }

    /** Saves a model's routers and adapter as a small folder beside its base; an existing one is not touched. */
    public static void save(LanguageModel model, String folder) {
        var lora = model.adapter().map(LoraConfig::of);
        SkipGptFolder.save(Path.of(folder), model, lora, Optional.empty(), Provenance.of("saved by hand"));
    }

    /**
     * Loads a tuned folder over its base, under the K/V policy it was tuned with.
     *
     * @param folder a folder, {@code owner/name} of the hub, or {@code world/skipgpt-25}, which comes with the project
     * @throws org.skipgpt.io.CheckpointException if it was tuned on another base, or is no such folder
     */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base) {
        return loadSkipGpt(folder, base, ProgressObserver.silent());
    }

    /** The same; a download tells an observer how far it is. */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base, ProgressObserver observer) {
        return base.extended(owner -> SkipGptFolder.load(Checkpoints.tuned(folder, observer), base, owner)
                .withAdded(owner));
    }

    /** The same under a K/V policy that gives the same values: KEEP and DEFERRED stand for each other. */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base, KvPolicy kv) {
        return base.extended(owner ->
                SkipGptFolder.load(Checkpoints.tuned(folder), base, owner, kv).withAdded(owner));
    }

    /**
     * Loads a tuned folder over any base of the right shape and under any K/V policy, to see what that does: the numbers
     * are then not those of the model that was tuned.
     */
    public static LanguageModel loadSkipGptUnchecked(String folder, LanguageModel base, KvPolicy kv) {
        return base.extended(owner -> SkipGptFolder.loadUnchecked(Checkpoints.tuned(folder), base, owner, kv)
                .withAdded(owner));
    }

    /**
     * Uploads a saved folder to the hub, or another that HF_ENDPOINT names, with the token of HF_TOKEN; a new repository is
     * private. What was pushed is loaded by its name: {@code loadSkipGpt("me/tiny-skipgpt-25", base)}.
     *
     * @param name {@code owner/name}
     * @return where it can be seen
     * @throws org.skipgpt.io.CheckpointException without a token, for an empty folder, or if the hub refuses
     */
    public static URI push(String folder, String name) {
        return push(folder, name, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static URI push(String folder, String name, ProgressObserver observer) {
        return HubUpload.ofEnvironment().push(Path.of(folder), name, observer);
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

    // Training, texts.

    /**
     * Trains all weights of a model, random or loaded, in place on a text file or folder; a run found in the work folder goes on.
     *
     * @param texts plain text, jsonl, csv or parquet (field "text")
     * @param work takes tokens, checkpoints and the log; one folder a run
     */
    public static TrainingRun train(
            LanguageModel model, String texts, String work, TextTraining options, ProgressObserver observer) {
        return options.run(model, TextFiles.of(Path.of(texts)), Path.of(work), observer);
    }

    /**
     * Documents of the embedded world: short texts about its people, places, animals and things.
     *
     * @param count how many, 0 or more
     * @param seed of the draws; 1 and 2 are those the embedded model was trained and watched on
     */
    public static List<String> worldTexts(int count, long seed) {
        return WorldText.documents(count, seed);
    }

    // Measuring: questions, text, speed.

    /**
     * Scores a model on benchmarks, zero-shot unless said otherwise.
     *
     * @param what one preset ({@code zero-shot}, {@code paper-shots} or e.g. {@code 5-shot}: the paper's seven tasks and
     *     its two texts where they are here), or tasks: names such as {@code piqa}, {@code lambada} and
     *     {@code wikitext2}, and paths of descriptions of your own, {@code my-task.json}
     */
    public static Evaluation evaluate(LanguageModel model, String... what) {
        return evaluate(model, List.of(what), EvaluationOptions.defaults(), ProgressObserver.silent());
    }

    /** The same with options, told to an observer; interrupted, it returns what was scored so far. */
    public static Evaluation evaluate(
            LanguageModel model, List<String> what, EvaluationOptions options, ProgressObserver observer) {
        return Evaluations.run(model, options, observer, what);
    }

    /** Models side by side in the layout of the paper's tables; rows under different presets are refused. */
    public static Comparison compare(Evaluation... rows) {
        return Comparison.of(rows);
    }

    /** Perplexity of a text's file as pruning papers report WikiText-2: raw, rows joined by two line ends, windows of 2048. */
    public static Perplexity perplexity(LanguageModel model, String path) {
        return perplexity(model, path, PerplexityOptions.wikitext2(), ProgressObserver.silent());
    }

    /** The same with every choice open, told to an observer. */
    public static Perplexity perplexity(
            LanguageModel model, String path, PerplexityOptions options, ProgressObserver observer) {
        return Perplexity.of(model, Path.of(path), options, observer);
    }

    /**
     * Times a model dense, masked and packed in turns: one sequence of 1,024 tokens, and decoding after 256; fewer where
     * the model's context is shorter.
     */
    public static BenchmarkResult benchmark(LanguageModel model) {
        return benchmark(
                model, BenchmarkOptions.defaults().within(model.config().maxPositions()), ProgressObserver.silent());
    }

    /**
     * The same with options, told to an observer.
     *
     * @throws IllegalArgumentException if the model is masked: it saves nothing, so its speed is no claim; or if its
     *     context does not hold the lengths
     */
    public static BenchmarkResult benchmark(LanguageModel model, BenchmarkOptions options, ProgressObserver observer) {
        return Benchmark.run(model, options, observer);
    }

    /** What this machine offers and what is missing. */
    public static Doctor doctor() {
        return Doctor.look();
    }

    /**
     * Every method on one model at equal measured ratios: the paper's Tables 1 and 2. Finished rows are kept in the study's
     * folder and not made again.
     *
     * @param base a dense model of the open workspace
     */
    public static Study study(LanguageModel base, StudyOptions options, ProgressObserver observer) {
        return Study.run(base, options, observer);
    }
}
