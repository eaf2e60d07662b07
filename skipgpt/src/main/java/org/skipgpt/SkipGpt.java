package org.skipgpt;

import org.skipgpt.data.TokenView;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.report.Observer;

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
public final class SkipGpt {
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

    /** What this machine offers and what is missing. */
    public static Doctor doctor() {
        return Doctor.look();
    }
}
