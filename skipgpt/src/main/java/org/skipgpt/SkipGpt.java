package org.skipgpt;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.skipgpt.data.ChatMessage;
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
import org.skipgpt.model.Benchmark;
import org.skipgpt.model.BenchmarkOptions;
import org.skipgpt.model.BenchmarkResult;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.SelfSpeculation;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.train.TextTraining;
import org.skipgpt.train.TrainingRun;

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
public final class SkipGpt extends TuningVerbs {
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
     * Continues a text with what the dense model says, drafted four tokens ahead by a skipping view of the same weights.
     *
     * <pre>{@code
     * speculate(base, loadSkipGpt("world/skipgpt-25", base), "A frog likes to eat")
     * }</pre>
     */
    public static SelfSpeculation speculate(LanguageModel dense, LanguageModel drafter, String prompt) {
        return speculate(dense, drafter, 4, GenerationOptions.defaults(), prompt);
    }

    /**
     * The same so many tokens ahead.
     *
     * @param ahead tokens that are drafted before the dense model checks them, 1..64
     * @param options greedy ones
     */
    public static SelfSpeculation speculate(
            LanguageModel dense, LanguageModel drafter, int ahead, GenerationOptions options, String prompt) {
        return SelfSpeculation.run(
                dense, drafter, ahead, options, dense.tokenizer().encodeWithBos(prompt));
    }

    /** Answers what a user says, in the checkpoint's own chat template: greedily, up to 128 tokens. */
    public static Generation chat(LanguageModel model, String user) {
        return model.chat(GenerationOptions.defaults(), List.of(ChatMessage.user(user)));
    }

    /**
     * Answers a conversation.
     *
     * @throws org.skipgpt.data.DataException if the checkpoint has no template, or its template refuses the conversation
     */
    public static Generation chat(LanguageModel model, GenerationOptions options, ChatMessage... messages) {
        return model.chat(options, List.of(messages));
    }

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
        if (count < 0) {
            throw new IllegalArgumentException(
                    "count " + count + " is not allowed: expected how many documents, 0 or more, e.g. 200");
        }
        WorldText text = new WorldText(World.of(World.SEED), seed);
        return LongStream.range(0, count)
                .mapToObj(i -> text.document(i, 0.5).text())
                .toList();
    }

    /**
     * Times a model dense, masked and packed in turns: one sequence of 1,024 tokens, and decoding after 256; fewer where
     * the model's context is shorter.
     */
    public static BenchmarkResult benchmark(LanguageModel model) {
        return Benchmark.run(
                model, BenchmarkOptions.defaults().within(model.config().maxPositions()));
    }

    /**
     * Times a model dense, masked and packed in turns.
     *
     * @throws IllegalArgumentException if the model is masked: it saves nothing, so its speed is no claim; or if its
     *     context does not hold the lengths
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
        return evaluate(model, EvaluationOptions.defaults(), ProgressObserver.silent(), what);
    }

    /** The same with options. */
    public static Evaluation evaluate(LanguageModel model, EvaluationOptions options, String... what) {
        return evaluate(model, options, ProgressObserver.silent(), what);
    }

    /** The same, told to an observer; interrupted, it returns what was scored so far. */
    public static Evaluation evaluate(
            LanguageModel model, EvaluationOptions options, ProgressObserver observer, String... what) {
        return Evaluations.run(model, options, observer, List.of(what));
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
     * Every method on one model at equal measured ratios: the paper's Tables 1 and 2. Finished rows are kept in the study's
     * folder and not made again.
     *
     * @param base a dense model of the open workspace
     */
    public static Study study(LanguageModel base, StudyOptions options, ProgressObserver observer) {
        return Study.run(base, options, observer);
    }

    /** Models side by side in the layout of the paper's tables; rows under different presets are refused. */
    public static Comparison compare(Evaluation... rows) {
        return Comparison.of(rows);
    }
}
