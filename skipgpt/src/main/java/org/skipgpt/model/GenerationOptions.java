package org.skipgpt.model;

import java.util.ArrayList;
import java.util.List;

/**
 * How text is continued.
 *
 * <pre>{@code
 * var calm = GenerationOptions.defaults().withTemperature(0.7).withTopP(0.9).withSeed(3).withMaxTokens(200);
 * }</pre>
 *
 * @param maxTokens most new tokens of a continuation, at least 0
 * @param temperature divides logits before drawing, 1e-30..1e30; 0 takes the most likely token (greedy)
 * @param topK draw among this many most likely tokens; 0 for all
 * @param topP draw among the fewest most likely tokens whose probabilities reach this, in (0, 1]
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred, in prompt or
 *     continuation, 1e-30..1e30; 1 for none (Keskar et al., CTRL, 2019)
 * @param seed of all draws; each prompt of a batch has its own stream
 * @param stop a continuation ends before the first of these texts
 * @param stopsAtEnd whether the vocabulary's end-of-text token ends a continuation
 * @param context most tokens of prompt and continuation together; 0 for the model's own
 */
public record GenerationOptions(
        int maxTokens,
        double temperature,
        int topK,
        double topP,
        double repetitionPenalty,
        long seed,
        List<String> stop,
        boolean stopsAtEnd,
        int context) {

    /** Bounds of what multiplies and divides logits, within which they stay finite as float numbers. */
    private static final double SMALLEST = 1e-30;

    private static final double LARGEST = 1e30;

    /** Checks every field; all faults are told at once. */
    public GenerationOptions {
        List<String> faults = new ArrayList<>();
        expect(faults, maxTokens >= 0, "maxTokens " + maxTokens + " is below 0");
        boolean greedy = temperature == 0;
        expect(
                faults,
                greedy || isFactor(temperature),
                "temperature " + temperature + " is not 0 (greedy) and not in 1e-30..1e30");
        expect(faults, topK >= 0, "topK " + topK + " is below 0 (0 keeps all)");
        expect(faults, topP > 0 && topP <= 1, "topP " + topP + " is not in (0, 1] (1 keeps all)");
        expect(
                faults,
                isFactor(repetitionPenalty),
                "repetitionPenalty " + repetitionPenalty + " is not in 1e-30..1e30 (1 is none)");
        expect(faults, context >= 0, "context " + context + " is below 0 (0 is the model's own)");
        expect(faults, stop.stream().noneMatch(String::isEmpty), "a stop text is empty");
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("generation options: " + String.join("; ", faults));
        }
        stop = List.copyOf(stop);
    }

    private static boolean isFactor(double value) {
        return value >= SMALLEST && value <= LARGEST;
    }

    private static void expect(List<String> faults, boolean holds, String fault) {
        if (!holds) {
            faults.add(fault);
        }
    }

    /** Greedy, 128 tokens, up to the end-of-text token or the model's context. */
    public static GenerationOptions defaults() {
        return new GenerationOptions(128, 0, 0, 1, 1, 0, List.of(), true, 0);
    }

    /** The same with another number of new tokens. */
    public GenerationOptions withMaxTokens(int tokens) {
        return new GenerationOptions(
                tokens, temperature, topK, topP, repetitionPenalty, seed, stop, stopsAtEnd, context);
    }

    /** The same at another temperature; 0 is greedy. */
    public GenerationOptions withTemperature(double value) {
        return new GenerationOptions(maxTokens, value, topK, topP, repetitionPenalty, seed, stop, stopsAtEnd, context);
    }

    /** The same among the k most likely tokens. */
    public GenerationOptions withTopK(int k) {
        return new GenerationOptions(
                maxTokens, temperature, k, topP, repetitionPenalty, seed, stop, stopsAtEnd, context);
    }

    /** The same among the tokens that hold probability p. */
    public GenerationOptions withTopP(double p) {
        return new GenerationOptions(
                maxTokens, temperature, topK, p, repetitionPenalty, seed, stop, stopsAtEnd, context);
    }

    /** The same with another penalty on tokens that occurred. */
    public GenerationOptions withRepetitionPenalty(double penalty) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, penalty, seed, stop, stopsAtEnd, context);
    }

    /** The same with another seed. */
    public GenerationOptions withSeed(long other) {
        return new GenerationOptions(
                maxTokens, temperature, topK, topP, repetitionPenalty, other, stop, stopsAtEnd, context);
    }

    /** The same, ending before the first of these texts. */
    public GenerationOptions withStop(String... texts) {
        return new GenerationOptions(
                maxTokens, temperature, topK, topP, repetitionPenalty, seed, List.of(texts), stopsAtEnd, context);
    }

    /** The same, going on behind the end-of-text token. */
    public GenerationOptions withoutEnd() {
        return new GenerationOptions(maxTokens, temperature, topK, topP, repetitionPenalty, seed, stop, false, context);
    }

    /** The same with another limit on prompt and continuation together. */
    public GenerationOptions withContext(int tokens) {
        return new GenerationOptions(
                maxTokens, temperature, topK, topP, repetitionPenalty, seed, stop, stopsAtEnd, tokens);
    }
}
