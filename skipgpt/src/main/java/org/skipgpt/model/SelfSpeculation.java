package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Report;
import org.skipgpt.torch.InUse;

/**
 * Greedy text of a dense model, drafted by a view of the same weights that skips (self-speculative decoding).
 *
 * <p>The skipping view proposes k tokens one by one; the dense model computes all of them at once and keeps those that it would
 * have said itself, and one more. The text is the dense model's own, whatever the draft is worth; where two tokens are as likely
 * as each other but for rounding, as happens in bf16 now and then, a pass over several tokens may choose the other. One cache serves both: the draft attends to
 * the dense model's keys and values, and its own are written anew when the dense model checks them.
 *
 * <p>With a share {@code a} of drafts accepted, {@code k} tokens ahead, a check brings {@code (1 - a^(k+1)) / (1 - a)} tokens on
 * average (Leviathan et al., 2023, Eq. 1).
 *
 * <pre>{@code
 * var told = SelfSpeculation.run(base, routed, 4, GenerationOptions.defaults(), base.tokenizer().encodeWithBos("Once"));
 * }</pre>
 *
 * @param model name of the model
 * @param drafter what drafted, in words
 * @param ahead most tokens drafted at once
 * @param continuation the text
 * @param drafted tokens that were proposed
 * @param accepted those of them that the dense model kept
 * @param checks passes of the dense model behind the prompt
 * @param prefillSeconds time of the prompt and of the first token behind it; NaN where it was not finished
 * @param decodeSeconds time of all later tokens
 * @param skipped share of module runs that the drafts skipped, 0..1; 0 without drafts
 */
public record SelfSpeculation(
        String model,
        String drafter,
        int ahead,
        Continuation continuation,
        long drafted,
        long accepted,
        long checks,
        double prefillSeconds,
        double decodeSeconds,
        double skipped)
        implements Report {
    private static final int MOST_AHEAD = 64;
    /** Tokens of a prompt that are computed at once. */
    private static final int CHUNK = 1024;

    /**
     * Continues a prompt.
     *
     * @param dense what the text follows
     * @param drafter the same weights under another policy, perhaps with an adapter
     * @param ahead tokens that are drafted before they are checked, 1..64
     * @param options greedy: temperature 0, no penalty on repetition
     * @param prompt token ids, at least one
     * @throws IllegalArgumentException if the two have other weights, one of them drops keys or values or looks ahead, or the
     *     options draw
     */
    public static SelfSpeculation run(
            LanguageModel dense, LanguageModel drafter, int ahead, GenerationOptions options, int[] prompt) {
        if (ahead < 1 || ahead > MOST_AHEAD) {
            throw new IllegalArgumentException("ahead " + ahead + " is not allowed: expected 1.." + MOST_AHEAD);
        }
        if (options.temperature() != 0 || options.repetitionPenalty() != 1) {
            throw new IllegalArgumentException("speculation follows the most likely token, but these options have"
                    + " temperature " + options.temperature() + " and repetition penalty " + options.repetitionPenalty()
                    + ": use withTemperature(0) and withRepetitionPenalty(1)");
        }
        if (!dense.hash().equals(drafter.hash())) {
            throw new IllegalArgumentException("drafts come from the same weights, but " + drafter.name()
                    + " has others than " + dense.name() + ": load the tuned folder over this very model");
        }
        refuseLost(dense);
        refuseLost(drafter);
        try (InUse.Hold held = dense.hold();
                InUse.Hold own = drafter.hold()) {
            return new Course(dense, drafter, ahead, options, prompt).run();
        }
    }

    private static void refuseLost(LanguageModel model) {
        if (model.policy().remembers()) {
            throw new IllegalArgumentException(
                    "\"" + model.policy().describe() + "\" decides by what it decided before, but a draft sees single"
                            + " tokens of a text that another pass has read: draft under"
                            + " thresholds");
        }
        if (model.policy().kvPolicy() != KvPolicy.KEEP || !model.policy().isCausal()) {
            throw new IllegalArgumentException("\"" + model.policy().describe() + "\" under K/V policy "
                    + model.policy().kvPolicy() + " leaves tokens without keys, or looks ahead, so its cache cannot be"
                    + " taken back: load it under KvPolicy.KEEP");
        }
    }

    /** One prompt on its way. */
    private static final class Course {
        private final LanguageModel dense;
        private final int ahead;
        private final GenerationOptions options;
        private final int[] prompt;
        private final LanguageModel drafter;
        private final int context;
        private final GrowingText text;
        private long drafted;
        private long accepted;
        private long checks;

        Course(LanguageModel dense, LanguageModel drafter, int ahead, GenerationOptions options, int[] prompt) {
            this.dense = dense;
            this.drafter = drafter;
            this.ahead = ahead;
            this.options = options;
            this.prompt = prompt;
            this.context = GrowingText.context(dense, options);
            this.text = new GrowingText(dense, options, 0, prompt, piece -> {});
        }

        SelfSpeculation run() {
            double prefill = Double.NaN;
            long start = System.nanoTime();
            try (KvCache cache =
                    new KvCache(dense.scope(), dense.decoder().calls().programs(), dense.config(), 1, context)) {
                Passes whole = new Passes(dense, cache);
                Passes draft = new Passes(drafter, cache);
                try {
                    int next = whole.behind(prompt);
                    prefill = (System.nanoTime() - start) / 1e9;
                    say(next);
                    while (text.isLive() && !Thread.currentThread().isInterrupted()) {
                        next = turn(whole, draft, cache, next);
                    }
                } catch (CancellationException e) {
                    // The interrupt flag stays set; what is there is the result.
                }
                double all = (System.nanoTime() - start) / 1e9;
                return result(draft, prefill, Double.isNaN(prefill) ? 0 : all - prefill);
            }
        }

        /** Drafts, checks and says what holds; the next token, which is said already. */
        private int turn(Passes whole, Passes draft, KvCache cache, int next) {
            int known = cache.positions()[0];
            int room = Math.min(options.maxTokens() - text.length() - 1, context - known - 1);
            int[] guessed = new int[1 + Math.max(0, Math.min(ahead, room))];
            guessed[0] = next;
            for (int i = 1; i < guessed.length; i++) {
                guessed[i] = draft.best(guessed[i - 1])[0];
            }
            cache.rewind(0, known);
            int[] best = whole.best(guessed);
            checks++;
            drafted += guessed.length - 1;
            int right = 0;
            while (right + 1 < guessed.length && guessed[right + 1] == best[right]) {
                right++;
            }
            accepted += right;
            cache.rewind(0, known + right + 1);
            for (int i = 0; i <= right && text.isLive(); i++) {
                say(best[i]);
            }
            return best[right];
        }

        private void say(int token) {
            if (text.hasRoom()) {
                text.add(token);
            }
        }

        private SelfSpeculation result(Passes draft, double prefill, double decode) {
            double rate =
                    Arrays.stream(draft.forward.executionRates()).average().orElse(1);
            return new SelfSpeculation(
                    dense.name(),
                    drafter.policy().describe(),
                    ahead,
                    text.finish(),
                    drafted,
                    accepted,
                    checks,
                    prefill,
                    decode,
                    drafted == 0 ? 0 : 1 - rate);
        }
    }

    /** One model's passes over the common cache. */
    private static final class Passes {
        private final LanguageModel model;
        private final Decoder decoder;
        private final KvCache cache;
        private final CachedDecoder forward;

        Passes(LanguageModel model, KvCache cache) {
            this.model = model;
            this.cache = cache;
            this.decoder = model.decoder().inference();
            this.forward = new CachedDecoder(decoder, model.policy().settled(), model.execution(), model.step(), cache);
        }

        /** The most likely token behind a prompt, of which only the last row needs logits. */
        int behind(int[] prompt) {
            int last = (prompt.length - 1) / CHUNK * CHUNK;
            for (int from = 0; from < last; from += CHUNK) {
                pass(Arrays.copyOfRange(prompt, from, from + CHUNK), CHUNK - 1);
            }
            return pass(Arrays.copyOfRange(prompt, last, prompt.length), prompt.length - last - 1)[0];
        }

        /** The most likely token behind each of some new ones. */
        int[] best(int... tokens) {
            return pass(tokens, 0);
        }

        /** Appends tokens; the most likely one behind each from a row on. */
        private int[] pass(int[] tokens, int from) {
            Interruption.check();
            try (NDManager scope = model.scope()) {
                Rows rows = decoder.rows(
                        scope, new int[][] {tokens}, cache.positions().clone());
                NDArray x = forward.forward(rows); // (N, D)
                NDArray asked = from == 0 ? x : Decoder.slice(x, from, tokens.length); // (n, D)
                float[] logits = forward.logits(rows, asked); // (n, V)
                int v = model.config().vocabulary();
                int[] best = new int[tokens.length - from];
                for (int row = 0; row < best.length; row++) {
                    best[row] = Logits.best(logits, row * v, v);
                }
                return best;
            }
        }
    }

    /** New tokens a second behind the first one; NaN where there are none. */
    public double tokensPerSecond() {
        int later = continuation.tokens().length - 1;
        return later < 1 ? Double.NaN : later / decodeSeconds;
    }

    /** Share of drafted tokens that were kept; NaN without drafts. */
    public double acceptedShare() {
        return drafted == 0 ? Double.NaN : (double) accepted / drafted;
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s%n  [%d + %d tokens, %s]%n%s · drafted by %s, %d ahead%n"
                        + "%d of %d drafts kept (%.1f %%), %d checks, %.2f tokens a check · drafts skipped %.1f %%%n"
                        + "first token after %.3f s · then %.1f tokens/s",
                continuation.text(),
                continuation.promptTokens(),
                continuation.tokens().length,
                continuation.stopped(),
                model,
                drafter,
                ahead,
                accepted,
                drafted,
                100 * acceptedShare(),
                checks,
                checks == 0 ? 0 : (continuation.tokens().length - 1) / (double) checks,
                100 * skipped,
                prefillSeconds,
                tokensPerSecond());
    }

    @Override
    public String toString() {
        return text();
    }
}
