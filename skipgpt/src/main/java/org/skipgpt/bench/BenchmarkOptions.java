package org.skipgpt.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * What a benchmark runs.
 *
 * @param sequences sequences computed together in prefill
 * @param length tokens of each
 * @param decodeSequences sequences that grow together in decoding
 * @param decodeContext tokens of each in the cache when decoding begins
 * @param decodeTokens tokens decoded a repeat and sequence; 0 leaves decoding out
 * @param repeats interleaved repeats, at least 3; 9 or more for a claim
 * @param seed of the tokens
 * @param clock what counts as time
 */
public record BenchmarkOptions(
        int sequences,
        int length,
        int decodeSequences,
        int decodeContext,
        int decodeTokens,
        int repeats,
        long seed,
        BenchmarkClock clock) {
    /** Checks every field; all faults are told at once. */
    public BenchmarkOptions {
        List<String> faults = new ArrayList<>();
        if (sequences < 1) {
            faults.add("sequences " + sequences + " is below 1");
        }
        if (length < 1) {
            faults.add("length " + length + " is below 1");
        }
        if (decodeSequences < 1) {
            faults.add("decodeSequences " + decodeSequences + " is below 1");
        }
        if (decodeContext < 1) {
            faults.add("decodeContext " + decodeContext + " is below 1");
        }
        if (decodeTokens < 0) {
            faults.add("decodeTokens " + decodeTokens + " is below 0");
        }
        if (repeats < 3) {
            faults.add("repeats " + repeats + " is below 3");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("benchmark options: " + String.join("; ", faults));
        }
    }

    /**
     * Returns if a model's context holds these lengths.
     *
     * @throws IllegalArgumentException if not; all lengths that are too long are told at once
     */
    void check(int context) {
        List<String> faults = new ArrayList<>();
        if (length > context) {
            faults.add("prefill of " + length + " tokens, use withPrefill(sequences, length)");
        }
        if (decodeTokens > 0 && decodeContext + decodeTokens > context) {
            faults.add("decoding " + decodeTokens + " tokens after " + decodeContext
                    + ", use withDecode(context, tokens)");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("the model's context holds " + context + " tokens, too few for "
                    + String.join("; and for ", faults) + "; within(" + context + ") shortens all that is too long");
        }
    }

    /** Prefill of one sequence of 1,024 tokens; one sequence decoded by 16 tokens after 256; nine repeats. */
    public static BenchmarkOptions defaults() {
        return new BenchmarkOptions(1, 1024, 1, 256, 16, 9, 1, BenchmarkClock.WALL);
    }

    /** The same with lengths that a context holds, shortened where they are longer. */
    public BenchmarkOptions within(int context) {
        int tokens = Math.min(decodeTokens, context - 1);
        return withPrefill(sequences, Math.min(length, context))
                .withDecode(Math.min(decodeContext, context - tokens), tokens);
    }

    /** The same with another prefill batch. */
    public BenchmarkOptions withPrefill(int newSequences, int newLength) {
        return new BenchmarkOptions(
                newSequences, newLength, decodeSequences, decodeContext, decodeTokens, repeats, seed, clock);
    }

    /** The same with another decode. */
    public BenchmarkOptions withDecode(int context, int tokens) {
        return new BenchmarkOptions(sequences, length, decodeSequences, context, tokens, repeats, seed, clock);
    }

    /** The same with more sequences decoded together. */
    public BenchmarkOptions withDecodeBatch(int batch) {
        return new BenchmarkOptions(sequences, length, batch, decodeContext, decodeTokens, repeats, seed, clock);
    }

    /** The same with another number of repeats. */
    public BenchmarkOptions withRepeats(int times) {
        return new BenchmarkOptions(
                sequences, length, decodeSequences, decodeContext, decodeTokens, times, seed, clock);
    }

    /** The same by another clock. */
    public BenchmarkOptions withClock(BenchmarkClock other) {
        return new BenchmarkOptions(
                sequences, length, decodeSequences, decodeContext, decodeTokens, repeats, seed, other);
    }
}
