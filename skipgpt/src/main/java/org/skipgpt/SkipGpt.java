package org.skipgpt;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TokenView;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.eval.Comparison;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Perplexity;
import org.skipgpt.eval.PerplexityOptions;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Benchmark;
import org.skipgpt.model.BenchmarkOptions;
import org.skipgpt.model.BenchmarkResult;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.report.Observer;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.train.SkipGptFolder;
import org.skipgpt.train.TextTraining;
import org.skipgpt.train.TrainingRun;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

/**
 * The verbs, for notebooks, JShell and programs; the only star import.
 *
 * <pre>{@code
 * import static org.skipgpt.SkipGpt.*;
 * workspace("cpu", "fp32");
 * var model = load("path/of/a/hugging-face-folder");
 * float[][][] logits = model.logits(model.tokenizer().encodeWithBos("Once upon a time"));
 * }</pre>
 */
public final class SkipGpt extends SeeingVerbs {
    private SkipGpt() {}

    /** Opens a workspace on the first GPU in bf16, or without one on the CPU in fp32; frees the models of the one before. */
    public static Workspace workspace() {
        return Workspace.open();
    }

    /**
     * Opens a workspace on a device; frees the models of the one before.
     *
     * @param device {@code cpu}, {@code gpu} or {@code gpu1}
     * @param dtype {@code fp32}, {@code bf16} or {@code fp16}
     */
    public static Workspace workspace(String device, String dtype) {
        return Workspace.open(device, dtype);
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
        return load(name, Observer.silent());
    }

    /** The same; a download tells an observer how far it is. */
    public static LanguageModel load(String name, Observer observer) {
        Workspace workspace = Workspace.current();
        return workspace.add(manager -> Checkpoints.load(name, manager, workspace.dtype(), observer));
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
        if (config.vocabulary() < tokenizer.vocabSize()) {
            throw new IllegalArgumentException("vocabulary " + config.vocabulary() + " is too small: the tokenizer has "
                    + tokenizer.vocabSize() + " ids; give the configuration at least that many");
        }
        Workspace workspace = Workspace.current();
        return workspace.add(manager -> {
            var weights = WeightLoader.random(config, manager, workspace.dtype(), seed);
            return LanguageModel.dense("random-" + seed, "", tokenizer, config, weights);
        });
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

    /** Continues a text greedily, up to 128 tokens. */
    public static Generation generate(LanguageModel model, String prompt) {
        return model.generate(prompt);
    }

    /**
     * Continues texts together.
     *
     * @throws IllegalArgumentException if a prompt is longer than the model's context
     */
    public static Generation generate(LanguageModel model, GenerationOptions options, String... prompts) {
        return model.generate(options, prompts);
    }

    /**
     * Trains all weights of a model, random or loaded, in place on a text file or folder; a run found in the work folder goes on.
     *
     * @param texts plain text, jsonl, csv or parquet (field "text")
     * @param work takes tokens, checkpoints and the log; one folder a run
     */
    public static TrainingRun train(
            LanguageModel model, String texts, String work, TextTraining options, Observer observer) {
        return options.run(model, TextFiles.of(Path.of(texts)), Path.of(work), observer);
    }

    /**
     * Documents of the embedded world: short texts about its people, places, animals and things.
     *
     * @param count how many
     * @param seed of the draws; 1 and 2 are those the embedded model was trained and watched on
     */
    public static List<String> worldTexts(int count, long seed) {
        WorldText text = new WorldText(World.of(World.SEED), seed);
        return LongStream.range(0, count)
                .mapToObj(i -> text.document(i, 0.5).text())
                .toList();
    }

    /** A model with fresh, untuned routers that decide without noise; seed 43. */
    public static LanguageModel withRouters(LanguageModel model, RouterConfig config) {
        return Tuning.withRouters(model, config, 43);
    }

    /**
     * Stage 1: routers learn to skip a share of all module runs, weights stay; workshop settings.
     *
     * @param target share to skip, 0..1
     * @param documents text to learn from; the last tenth, at most 32, is kept back to measure on
     */
    public static Tuned tuneRouters(LanguageModel model, double target, List<String> documents) {
        return tuneRouters(model, target, documents, TuningOptions.workshop(), Observer.silent());
    }

    /** The same with settings, told to an observer; interrupted, it returns what was learned so far. */
    public static Tuned tuneRouters(
            LanguageModel model, double target, List<String> documents, TuningOptions options, Observer observer) {
        return Tuning.routers(model, target, documents, options, observer);
    }

    /** Stage 2: a fresh adapter heals a model with routers, which are frozen; workshop settings. */
    public static Tuned tuneLora(LanguageModel model, List<String> documents) {
        return tuneLora(model, documents, TuningOptions.workshop(), Observer.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneLora(
            LanguageModel model, List<String> documents, TuningOptions options, Observer observer) {
        return Tuning.lora(model, documents, options, observer);
    }

    /** SkipGPT-Joint: routers and adapter learn together; workshop settings. */
    public static Tuned tuneJoint(LanguageModel model, double target, List<String> documents) {
        return tuneJoint(model, target, documents, TuningOptions.workshop(), Observer.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneJoint(
            LanguageModel model, double target, List<String> documents, TuningOptions options, Observer observer) {
        return Tuning.joint(model, target, documents, options, observer);
    }

    /** The control: the same adapter on the same text, nothing skipped; workshop settings. */
    public static Tuned denseLora(LanguageModel model, List<String> documents) {
        return denseLora(model, documents, TuningOptions.workshop(), Observer.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned denseLora(
            LanguageModel model, List<String> documents, TuningOptions options, Observer observer) {
        return Tuning.denseLora(model, documents, options, observer);
    }

    /** Saves what was tuned, routers and adapter, as a small folder beside its base; an existing one is not touched. */
    public static void save(Tuned tuned, String folder) {
        SkipGptFolder.save(Path.of(folder), tuned.model(), tuned.lora(), tuned.budget(), tuned.provenance());
    }

    /** Saves a model's routers and adapter as a small folder beside its base; an existing one is not touched. */
    public static void save(LanguageModel model, String folder) {
        var lora = model.adapter().map(LoraConfig::of);
        SkipGptFolder.save(Path.of(folder), model, lora, Optional.empty(), Provenance.of("saved by hand"));
    }

    /**
     * Loads a tuned folder over its base, under the K/V policy it was tuned with.
     *
     * @throws org.skipgpt.io.CheckpointException if it was tuned on another base
     */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base) {
        return SkipGptFolder.load(Path.of(folder), base, base.scope());
    }

    /** The same under a K/V policy that gives the same values: KEEP and DEFERRED stand for each other. */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base, KvPolicy kv) {
        return SkipGptFolder.load(Path.of(folder), base, base.scope(), kv);
    }

    /** What each token of some texts ran and skipped. */
    public static RoutingTrace routing(LanguageModel model, String... texts) {
        return RoutingTrace.of(model, encoded(model, List.of(texts)));
    }

    /** Realised skipping on some texts, and what it saves in every way it is counted. */
    public static SparsityReport sparsity(LanguageModel model, List<String> texts) {
        return SparsityReport.of(model, encoded(model, texts));
    }

    /** Thresholds that let one model with routers serve several shares to skip; {@code dial.set(model, 0.4)} turns it. */
    public static BudgetDial budgetDial(LanguageModel model, List<String> texts, double... targets) {
        return BudgetDial.calibrate(model, Budget.of(0), targets, encoded(model, texts));
    }

    // Texts longer than the model's context are cut: a trace has no use for positions the model never saw.
    private static int[][] encoded(LanguageModel model, List<String> texts) {
        int most = model.config().maxPositions();
        return texts.stream()
                .map(text -> model.tokenizer().encodeWithBos(text))
                .map(ids -> ids.length > most ? Arrays.copyOf(ids, most) : ids)
                .toArray(int[][]::new);
    }

    /** Times a model dense, masked and packed in turns: one sequence of 1,024 tokens, and decoding after 256. */
    public static BenchmarkResult benchmark(LanguageModel model) {
        return Benchmark.run(model, BenchmarkOptions.defaults());
    }

    /**
     * Times a model dense, masked and packed in turns.
     *
     * @throws IllegalArgumentException if the model is masked: it saves nothing, so its speed is no claim
     */
    public static BenchmarkResult benchmark(LanguageModel model, BenchmarkOptions options) {
        return Benchmark.run(model, options);
    }

    /** What this machine offers and what is missing. */
    public static Doctor doctor() {
        return Doctor.look();
    }

    /**
     * Scores a model on benchmarks, zero-shot unless said otherwise.
     *
     * @param what one preset ({@code zero-shot}, {@code paper-shots} or e.g. {@code 5-shot}: the paper's seven tasks and
     *     its two texts where they are here), or tasks: names such as {@code piqa}, {@code lambada} and
     *     {@code wikitext2}, and paths of descriptions of your own, {@code my-task.json}
     */
    public static Evaluation evaluate(LanguageModel model, String... what) {
        return evaluate(model, EvaluationOptions.defaults(), Observer.silent(), what);
    }

    /** The same with options. */
    public static Evaluation evaluate(LanguageModel model, EvaluationOptions options, String... what) {
        return evaluate(model, options, Observer.silent(), what);
    }

    /** The same, told to an observer; interrupted, it returns what was scored so far. */
    public static Evaluation evaluate(
            LanguageModel model, EvaluationOptions options, Observer observer, String... what) {
        return Evaluations.run(model, options, observer, List.of(what));
    }

    /** Perplexity of a text's file as pruning papers report WikiText-2: raw, rows joined by two line ends, windows of 2048. */
    public static Perplexity perplexity(LanguageModel model, String path) {
        return perplexity(model, path, PerplexityOptions.wikitext2(), Observer.silent());
    }

    /** The same with every choice open, told to an observer. */
    public static Perplexity perplexity(
            LanguageModel model, String path, PerplexityOptions options, Observer observer) {
        return Perplexity.of(model, Path.of(path), options, observer);
    }

    /** Models side by side in the layout of the paper's tables; rows under different presets are refused. */
    public static Comparison compare(Evaluation... rows) {
        return Comparison.of(rows);
    }
}
