package org.skipgpt.model;

import java.util.ArrayList;
import java.util.List;

/**
 * What a benchmark runs.
 *
 * @param sequences sequences computed together in prefill
 * @param length tokens of each
 * @param decodeContext tokens in the cache when decoding begins; decoding is one sequence
 * @param decodeTokens tokens decoded a repeat; 0 leaves decoding out
 * @param repeats interleaved repeats, at least 3; 9 or more for a claim
 * @param seed of the tokens
 * @param clock what counts as time
 */
public record BenchmarkOptions(
        int sequences, int length, int decodeContext, int decodeTokens, int repeats, long seed, BenchmarkClock clock) {
    /** Checks every field; all faults are told at once. */
    public BenchmarkOptions {
        List<String> faults = new ArrayList<>();
        if (sequences < 1) {
            faults.add("sequences " + sequences + " is below 1");
        }
        if (length < 1) {
            faults.add("length " + length + " is below 1");
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

    /** One sequence of 1,024 tokens; 16 tokens decoded after 256; nine repeats. */
    public static BenchmarkOptions defaults() {
        return new BenchmarkOptions(1, 1024, 256, 16, 9, 1, BenchmarkClock.WALL);
    }

    /** The same with another prefill batch. */
    public BenchmarkOptions withPrefill(int newSequences, int newLength) {
        return new BenchmarkOptions(newSequences, newLength, decodeContext, decodeTokens, repeats, seed, clock);
    }

    /** The same with another decode. */
    public BenchmarkOptions withDecode(int context, int tokens) {
        return new BenchmarkOptions(sequences, length, context, tokens, repeats, seed, clock);
    }

    /** The same with another number of repeats. */
    public BenchmarkOptions withRepeats(int times) {
        return new BenchmarkOptions(sequences, length, decodeContext, decodeTokens, times, seed, clock);
    }

    /** The same by another clock. */
    public BenchmarkOptions withClock(BenchmarkClock other) {
        return new BenchmarkOptions(sequences, length, decodeContext, decodeTokens, repeats, seed, other);
    }
}
