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
        this.context = GrowingText.context(model, options);
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
    private record Part(GrowingText text, Sampler sampler) {}

    private void add(int[] prompt, Consumer<String> out) {
        GrowingText text = new GrowingText(model, options, parts.size(), prompt, out);
        parts.add(new Part(text, new Sampler(options, parts.size(), prompt)));
    }

    private Generation run() {
        double prefill = Double.NaN;
        long start = System.nanoTime();
        try (StopOnExit guard = new StopOnExit();
                Session session = Session.of(model, parts.size(), context)) {
            try {
                float[][] logits = session.append(
                        parts.stream().map(p -> p.text().prompt()).toArray(int[][]::new));
                int[][] next = choose(logits);
                prefill = parts.isEmpty() ? Double.NaN : (System.nanoTime() - start) / 1e9;
                while (parts.stream().anyMatch(p -> p.text().isLive())
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
            next[i] = part.text().isLive() ? choose(part, logits[i]) : new int[0];
        }
        return next;
    }

    private int[] choose(Part part, float[] logits) {
        if (!part.text().hasRoom()) {
            return new int[0];
        }
        int token = part.sampler().next(logits);
        part.text().add(token);
        return part.text().isLive() ? new int[] {token} : new int[0];
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
            continuations.add(part.text().finish());
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
