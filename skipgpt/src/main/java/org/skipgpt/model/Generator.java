package org.skipgpt.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.skipgpt.torch.StopOnExit;

/** Continues a batch of prompts token by token; prompts may differ in length and end at different times. */
final class Generator {
    private final LanguageModel model;
    private final GenerationOptions options;
    private final int context;
    private final List<Part> parts = new ArrayList<>();

    private Generator(LanguageModel model, GenerationOptions options) {
        this.model = model;
        this.options = options;
        int own = model.config().maxPositions();
        this.context = options.context() == 0 ? own : Math.min(own, options.context());
    }

    /**
     * Continues prompts.
     *
     * @param out gets text of the first prompt as it comes
     */
    static Generation run(LanguageModel model, GenerationOptions options, Consumer<String> out, int[]... prompts) {
        Generator generator = new Generator(model, options);
        for (int i = 0; i < prompts.length; i++) {
            generator.add(prompts[i], i == 0 ? out : text -> {});
        }
        return generator.run();
    }

    /** One prompt and its continuation so far. */
    private static final class Part {
        final int[] prompt;
        final Sampler sampler;
        final TextStream stream;
        int[] tokens = new int[0];
        StopReason stopped = StopReason.INTERRUPTED;
        boolean live = true;

        Part(int[] prompt, Sampler sampler, TextStream stream) {
            this.prompt = prompt;
            this.sampler = sampler;
            this.stream = stream;
        }

        void stop(StopReason reason) {
            stopped = reason;
            live = false;
        }
    }

    private void add(int[] prompt, Consumer<String> out) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("prompt " + parts.size()
                    + " has no token and the vocabulary adds no beginning mark; give at least one token");
        }
        if (prompt.length > context) {
            throw new IllegalArgumentException("prompt " + parts.size() + " has " + prompt.length
                    + " tokens but the context holds " + context + "; shorten it or use a model with a longer context");
        }
        int vocabulary = model.config().vocabulary();
        for (int id : prompt) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException("token id " + id + " in prompt " + parts.size()
                        + " is outside the vocabulary 0.." + (vocabulary - 1)
                        + "; use the tokenizer that belongs to the model");
            }
        }
        Sampler sampler = new Sampler(options, parts.size(), prompt);
        parts.add(new Part(prompt, sampler, new TextStream(model.tokenizer(), prompt, options.stop(), out)));
    }

    private Generation run() {
        double prefill = Double.NaN;
        long start = System.nanoTime();
        try (StopOnExit guard = new StopOnExit();
                Session session = Session.of(model, parts.size(), context)) {
            try {
                float[][] logits =
                        session.append(parts.stream().map(p -> p.prompt).toArray(int[][]::new));
                int[][] next = choose(logits);
                prefill = parts.isEmpty() ? Double.NaN : (System.nanoTime() - start) / 1e9;
                while (parts.stream().anyMatch(p -> p.live)
                        && !Thread.currentThread().isInterrupted()) {
                    next = choose(session.append(next));
                }
            } catch (CancellationException e) {
                // The interrupt flag stays set; what is there is the result.
            }
            double all = (System.nanoTime() - start) / 1e9;
            return result(session, prefill, Double.isNaN(prefill) ? 0 : all - prefill);
        }
    }

    /** Chooses a token for every live part; returns what to append. */
    private int[][] choose(float[][] logits) {
        int[][] next = new int[parts.size()][];
        for (int i = 0; i < next.length; i++) {
            Part part = parts.get(i);
            next[i] = part.live ? choose(part, logits[i]) : new int[0];
        }
        return next;
    }

    private int[] choose(Part part, float[] logits) {
        if (part.tokens.length >= options.maxTokens()) {
            part.stop(StopReason.MAX_TOKENS);
            return new int[0];
        }
        if (part.prompt.length + part.tokens.length >= context) {
            part.stop(StopReason.CONTEXT_FULL);
            return new int[0];
        }
        int token = part.sampler.next(logits);
        part.tokens = Arrays.copyOf(part.tokens, part.tokens.length + 1);
        part.tokens[part.tokens.length - 1] = token;
        if (options.stopsAtEnd() && model.tokenizer().ends().contains(token)) {
            part.stop(StopReason.END_OF_TEXT);
        } else if (!part.stream.add(token)) {
            part.stop(StopReason.STOP_TEXT);
        } else if (part.tokens.length == options.maxTokens()) {
            part.stop(StopReason.MAX_TOKENS);
        }
        return part.live ? new int[] {token} : new int[0];
    }

    private List<String> ends() {
        return model.tokenizer().ends().stream()
                .sorted()
                .map(id -> model.tokenizer().readable(id) + " (" + id + ")")
                .toList();
    }

    private Generation result(Session session, double prefill, double decode) {
        List<Continuation> continuations = new ArrayList<>();
        for (Part part : parts) {
            continuations.add(new Continuation(part.stream.finish(), part.tokens, part.prompt.length, part.stopped));
        }
        boolean ran = Arrays.stream(session.lengths()).anyMatch(length -> length > 0);
        return new Generation(
                model.name(),
                model.policy().describe(),
                model.execution(),
                model.policy().kvPolicy(),
                model.device().isGpu() ? "gpu" + model.device().getDeviceId() : "cpu",
                model.dtype().toString(),
                options,
                options.stopsAtEnd() ? ends() : List.of(),
                continuations,
                prefill,
                decode,
                ran ? session.executionRates() : new double[0],
                session.usedCacheBytes() + session.pendingBytes());
    }
}
