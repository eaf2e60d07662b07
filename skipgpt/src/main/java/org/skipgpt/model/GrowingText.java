package org.skipgpt.model;

import java.util.Arrays;
import java.util.function.Consumer;

/** A prompt and its continuation while it grows token by token, until one of the options' reasons stops it. */
final class GrowingText {
    private final LanguageModel model;
    private final GenerationOptions options;
    private final int context;
    private final int[] prompt;
    private final TextStream stream;
    private int[] tokens = new int[0];
    private StopReason stopped = StopReason.INTERRUPTED;
    private boolean live = true;

    /**
     * Checks a prompt.
     *
     * @param index place of the prompt in its batch, for messages
     * @param out gets text as it comes
     * @throws IllegalArgumentException if it has no token, too many, or one outside the vocabulary
     */
    GrowingText(LanguageModel model, GenerationOptions options, int index, int[] prompt, Consumer<String> out) {
        this.model = model;
        this.options = options;
        this.context = context(model, options);
        this.prompt = prompt;
        if (prompt.length == 0) {
            throw new IllegalArgumentException("prompt " + index
                    + " has no token and the vocabulary adds no beginning mark; give at least one token");
        }
        if (prompt.length > context) {
            throw new IllegalArgumentException("prompt " + index + " has " + prompt.length
                    + " tokens but the context holds " + context + "; shorten it or use a model with a longer context");
        }
        int vocabulary = model.config().vocabulary();
        for (int id : prompt) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException("token id " + id + " in prompt " + index
                        + " is outside the vocabulary 0.." + (vocabulary - 1)
                        + "; use the tokenizer that belongs to the model");
            }
        }
        this.stream = new TextStream(model.tokenizer(), prompt, options.stop(), out);
    }

    /** Most tokens of prompt and continuation together. */
    static int context(LanguageModel model, GenerationOptions options) {
        int own = model.config().maxPositions();
        return options.context() == 0 ? own : Math.min(own, options.context());
    }

    int[] prompt() {
        return prompt;
    }

    /** New tokens so far. */
    int length() {
        return tokens.length;
    }

    boolean isLive() {
        return live;
    }

    /** Whether another token may come; the text stops where none may. */
    boolean hasRoom() {
        if (live && tokens.length >= options.maxTokens()) {
            stop(StopReason.MAX_TOKENS);
        } else if (live && prompt.length + tokens.length >= context) {
            stop(StopReason.CONTEXT_FULL);
        }
        return live;
    }

    /** Takes a token that there is room for. */
    void add(int token) {
        tokens = Arrays.copyOf(tokens, tokens.length + 1);
        tokens[tokens.length - 1] = token;
        if (options.stopsAtEnd() && model.tokenizer().ends().contains(token)) {
            stop(StopReason.END_OF_TEXT);
        } else if (!stream.add(token)) {
            stop(StopReason.STOP_TEXT);
        } else if (tokens.length == options.maxTokens()) {
            stop(StopReason.MAX_TOKENS);
        }
    }

    private void stop(StopReason reason) {
        stopped = reason;
        live = false;
    }

    Continuation finish() {
        return new Continuation(stream.finish(), tokens, prompt.length, stopped);
    }
}
