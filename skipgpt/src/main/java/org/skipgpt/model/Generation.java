package org.skipgpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.report.Report;

/**
 * Continuations of a batch of prompts and what they cost.
 *
 * @param model name of the model
 * @param policy what it skipped, in words
 * @param execution how; what a masked model's gates skip is computed all the same
 * @param kvPolicy which keys and values it kept
 * @param device where it ran
 * @param dtype element type of its matrices
 * @param options how text was continued
 * @param ends the tokens behind which a text is done, by piece and id; empty where the options go on behind them
 * @param continuations one a prompt
 * @param prefillSeconds time of the prompts and of the first token behind each; NaN where it was not finished
 * @param decodeSeconds time of all later tokens
 * @param executionRates share of tokens that executed each module, prompts included; 2L in forward order, empty where
 *     no token ran
 * @param cacheBytes bytes at the end of the keys and values, and of rows that wait for theirs
 */
public record Generation(
        String model,
        String policy,
        Execution execution,
        KvPolicy kvPolicy,
        String device,
        String dtype,
        GenerationOptions options,
        List<String> ends,
        List<Continuation> continuations,
        double prefillSeconds,
        double decodeSeconds,
        double[] executionRates,
        long cacheBytes)
        implements Report {
    /** Copies the lists. */
    public Generation {
        ends = List.copyOf(ends);
        continuations = List.copyOf(continuations);
    }

    /**
     * The text of the first continuation.
     *
     * @throws IllegalStateException if there is none, since no prompt was given
     */
    public String first() {
        if (continuations.isEmpty()) {
            throw new IllegalStateException(
                    "there are 0 continuations, so no first one; generate from 1 prompt or more");
        }
        return continuations.get(0).text();
    }

    /** New tokens of all continuations. */
    public int newTokens() {
        return continuations.stream().mapToInt(c -> c.tokens().length).sum();
    }

    /** New tokens a second behind the first ones; NaN where there are none. */
    public double tokensPerSecond() {
        return laterTokens() == 0 ? Double.NaN : laterTokens() / decodeSeconds;
    }

    private int laterTokens() {
        return continuations.stream()
                .mapToInt(c -> Math.max(0, c.tokens().length - 1))
                .sum();
    }

    /** Share of module executions that were skipped, 0..1; 0 where no token ran. */
    public double skipped() {
        return 1 - Arrays.stream(executionRates).average().orElse(1);
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < Math.min(8, continuations.size()); i++) {
            Continuation c = continuations.get(i);
            out.append(shortened(c.text()).replace("\n", "\n  ")).append('\n');
            out.append(String.format(
                    Locale.ROOT, "  [%d + %d tokens, %s]%n", c.promptTokens(), c.tokens().length, c.stopped()));
        }
        if (continuations.size() > 8) {
            out.append("... and ").append(continuations.size() - 8).append(" more\n");
        }
        boolean masked = execution == Execution.MASKED;
        out.append(String.format(
                Locale.ROOT,
                "%s · %s%s · %s · %s · K/V %s, %.1f KiB%s%n",
                model,
                policy,
                masked ? " · masked" : "",
                device,
                dtype,
                kvPolicy.name().toLowerCase(Locale.ROOT),
                cacheBytes / 1024.0,
                executionRates.length == 0 ? "" : String.format(Locale.ROOT, " · skipped %.1f %%", 100 * skipped())));
        if (!ends.isEmpty()) {
            out.append(String.format("ends at %s%n", String.join(", ", ends)));
        }
        out.append(times());
        if (masked && !Double.isNaN(prefillSeconds)) {
            out.append(String.format("%nmasked computes what gates skip and multiplies it by them:"
                    + " these times say nothing about skipping"));
        }
        return out.toString();
    }

    private static String shortened(String text) {
        if (text.length() <= 160) {
            return text;
        }
        return text.substring(0, Character.isHighSurrogate(text.charAt(156)) ? 156 : 157) + "...";
    }

    /** What was measured of the time, in words. */
    private String times() {
        if (continuations.isEmpty()) {
            return "no prompt, so nothing was computed";
        }
        if (Double.isNaN(prefillSeconds)) {
            return "interrupted before the first token";
        }
        if (newTokens() == 0) {
            return String.format(Locale.ROOT, "prompts in %.3f s, no new token", prefillSeconds);
        }
        String first = String.format(Locale.ROOT, "first token after %.3f s", prefillSeconds);
        return laterTokens() == 0
                ? first
                : first + String.format(Locale.ROOT, " · then %.1f tokens/s", tokensPerSecond());
    }

    @Override
    public String toString() {
        return text();
    }
}
