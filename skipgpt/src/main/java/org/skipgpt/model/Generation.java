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
 * @param kvPolicy which keys and values it kept
 * @param device where it ran
 * @param dtype element type of its matrices
 * @param options how text was continued
 * @param continuations one a prompt
 * @param prefillSeconds time to the first token
 * @param decodeSeconds time of all later tokens
 * @param executionRates share of tokens that executed each module, prompts included; 2L in forward order
 * @param cacheBytes bytes of the keys and values at the end
 */
public record Generation(
        String model,
        String policy,
        KvPolicy kvPolicy,
        String device,
        String dtype,
        GenerationOptions options,
        List<Continuation> continuations,
        double prefillSeconds,
        double decodeSeconds,
        double[] executionRates,
        long cacheBytes)
        implements Report {
    /** Copies the list. */
    public Generation {
        continuations = List.copyOf(continuations);
    }

    /** The text of the first continuation. */
    public String first() {
        return continuations.get(0).text();
    }

    /** New tokens of all continuations. */
    public int newTokens() {
        return continuations.stream().mapToInt(c -> c.tokens().length).sum();
    }

    /** New tokens a second behind the first ones; NaN where there are none. */
    public double tokensPerSecond() {
        int first =
                (int) continuations.stream().filter(c -> c.tokens().length > 0).count();
        int later = newTokens() - first;
        return later == 0 ? Double.NaN : later / decodeSeconds;
    }

    /** Share of module executions that were skipped, 0..1. */
    public double skipped() {
        return 1 - Arrays.stream(executionRates).average().orElse(1);
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < Math.min(8, continuations.size()); i++) {
            Continuation c = continuations.get(i);
            String shown = c.text().length() > 160 ? c.text().substring(0, 157) + "..." : c.text();
            out.append(shown.replace("\n", "\n  ")).append('\n');
            out.append(String.format("  [%d + %d tokens, %s]%n", c.promptTokens(), c.tokens().length, c.stopped()));
        }
        if (continuations.size() > 8) {
            out.append("... and ").append(continuations.size() - 8).append(" more\n");
        }
        out.append(String.format(
                Locale.ROOT,
                "%s · %s · %s · %s · K/V %s, %.1f KiB · skipped %.1f %%%n",
                model,
                policy,
                device,
                dtype,
                kvPolicy.name().toLowerCase(Locale.ROOT),
                cacheBytes / 1024.0,
                100 * skipped()));
        out.append(String.format(
                Locale.ROOT, "first token after %.3f s · then %.1f tokens/s", prefillSeconds, tokensPerSecond()));
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
