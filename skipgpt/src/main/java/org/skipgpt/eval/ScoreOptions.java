package org.skipgpt.eval;

/**
 * How texts become numbers.
 *
 * <p>{@link #harness} has the habits of lm-evaluation-harness by its version.
 *
 * @param bos whether the beginning mark stands before each context
 * @param rounding the type log-probabilities are rounded to
 * @param sharing how choices of one question share work; never changes a pick
 * @param maxTokens longest sequence; longer ones lose their beginning; 0 for the model's context
 * @param batchTokens tokens of one forward pass, about; 256..1000000
 * @param chat whether a question is what a user says, in the checkpoint's own chat template, and a choice, without the
 *     space before it, what the model begins to answer; marks are then the template's alone
 */
public record ScoreOptions(Bos bos, Rounding rounding, Sharing sharing, int maxTokens, int batchTokens, boolean chat) {
    /** Whether the beginning mark stands before each context. */
    public enum Bos {
        /** Where the tokenizer has that habit (the harness from 0.4.10 on). */
        FAMILY,
        /** Always. */
        ALWAYS,
        /** Never (the harness 0.4.2). */
        NEVER
    }

    /** The type log-probabilities are rounded to. */
    public enum Rounding {
        /** Single precision. */
        FP32,
        /** The model's own type, as the harness 0.4.2 does it. */
        MODEL
    }

    /** How choices of one question share work. */
    public enum Sharing {
        /** What several choices begin with, the question above all, is computed once and continued for each. */
        PREFIXES,
        /** Choices that differ in their last token only, such as yes and no, are read off one pass; else as NONE. */
        EQUAL_INPUTS,
        /** One whole pass a choice. */
        NONE
    }

    /** Checks the numbers. */
    public ScoreOptions {
        if (maxTokens < 0 || maxTokens == 1) {
            throw new IllegalArgumentException("maxTokens " + maxTokens + " is not allowed: expected 0 or 2 and more");
        }
        if (batchTokens < 256 || batchTokens > 1_000_000) {
            throw new IllegalArgumentException("batchTokens " + batchTokens + " is not allowed: expected 256..1000000");
        }
    }

    /** The family's beginning mark, single precision, shared beginnings once, the model's context, 8192 tokens a pass. */
    public static ScoreOptions defaults() {
        return new ScoreOptions(Bos.FAMILY, Rounding.FP32, Sharing.PREFIXES, 0, 8192, false);
    }

    /**
     * The habits of lm-evaluation-harness: {@code "0.4.2"}, which the paper's rows fit, puts no beginning mark before a question;
     * {@code "0.4.13"} puts one where the tokenizer does. Both round to the model's own type; prompts and metrics of the seven
     * tasks are the same in both.
     *
     * <pre>{@code
     * EvaluationOptions.defaults().withScoring(ScoreOptions.harness("0.4.13"))
     * }</pre>
     *
     * @throws IllegalArgumentException for another version
     */
    public static ScoreOptions harness(String version) {
        Bos bos = switch (version) {
            case "0.4.2" -> Bos.NEVER;
            case "0.4.13" -> Bos.FAMILY;
            default ->
                throw new IllegalArgumentException("the habits of lm-evaluation-harness \"" + version
                        + "\" are not known: use 0.4.2 or 0.4.13, or put them together with withBos and"
                        + " withRounding");
        };
        return defaults().withBos(bos).withRounding(Rounding.MODEL);
    }

    /** With another habit of the beginning mark. */
    public ScoreOptions withBos(Bos other) {
        return new ScoreOptions(other, rounding, sharing, maxTokens, batchTokens, chat);
    }

    /** With another rounding. */
    public ScoreOptions withRounding(Rounding other) {
        return new ScoreOptions(bos, other, sharing, maxTokens, batchTokens, chat);
    }

    /** With another sharing. */
    public ScoreOptions withSharing(Sharing other) {
        return new ScoreOptions(bos, rounding, other, maxTokens, batchTokens, chat);
    }

    /** With another longest sequence. */
    public ScoreOptions withMaxTokens(int tokens) {
        return new ScoreOptions(bos, rounding, sharing, tokens, batchTokens, chat);
    }

    /** With other batches. */
    public ScoreOptions withBatchTokens(int tokens) {
        return new ScoreOptions(bos, rounding, sharing, maxTokens, tokens, chat);
    }

    /** With questions written by the checkpoint's own chat template. */
    public ScoreOptions withChat() {
        return new ScoreOptions(bos, rounding, sharing, maxTokens, batchTokens, true);
    }
}
