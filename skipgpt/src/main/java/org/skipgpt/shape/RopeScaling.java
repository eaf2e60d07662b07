package org.skipgpt.shape;

import java.util.List;
import java.util.stream.Stream;

/**
 * How rotary frequencies are stretched for long contexts.
 *
 * <p>Llama 3 (Meta's llama-models, 2024): wavelengths above {@code originalContext / lowFactor} are stretched by
 * {@code factor}, those below {@code originalContext / highFactor} stay, and those between are mixed linearly.
 * Linear: every frequency is divided by {@code factor}. LongRoPE (Ding and others, LongRoPE, 2024): each frequency is
 * divided by a factor of its own, one of {@code longFactors} where the model's context is above {@code originalContext} and
 * one of {@code shortFactors} elsewhere.
 *
 * <p>Deviation: transformers takes the short or the long factors by the length of each text, so that keys in a cache and those
 * of a text that has grown past {@code originalContext} are turned otherwise; here the context of the model decides, once.
 * {@link DecoderConfig#withMaxPositions} of {@code originalContext} is transformers' arithmetic on texts that are no longer.
 *
 * @param kind NONE, LINEAR, LLAMA3 or LONGROPE
 * @param factor stretch, at least 1; LINEAR and LLAMA3 only
 * @param lowFactor LLAMA3 only
 * @param highFactor LLAMA3 only
 * @param originalContext context length of pre-training in tokens; LLAMA3 and LONGROPE only
 * @param shortFactors E/2 numbers above 0; LONGROPE only
 * @param longFactors likewise
 */
public record RopeScaling(
        Kind kind,
        double factor,
        double lowFactor,
        double highFactor,
        int originalContext,
        List<Double> shortFactors,
        List<Double> longFactors) {
    /** No scaling. */
    public static final RopeScaling NONE = new RopeScaling(Kind.NONE, 1, 1, 1, 0);

    /** One without factors of single frequencies. */
    public RopeScaling(Kind kind, double factor, double lowFactor, double highFactor, int originalContext) {
        this(kind, factor, lowFactor, highFactor, originalContext, List.of(), List.of());
    }

    /** LongRoPE. */
    static RopeScaling longRope(int originalContext, List<Double> shortFactors, List<Double> longFactors) {
        return new RopeScaling(Kind.LONGROPE, 1, 1, 1, originalContext, shortFactors, longFactors);
    }

    /** Checks that every frequency stays finite and no shorter wave is stretched more than a longer one. */
    public RopeScaling {
        shortFactors = List.copyOf(shortFactors);
        longFactors = List.copyOf(longFactors);
        if (!(factor >= 1 && Double.isFinite(factor))) {
            throw new IllegalArgumentException("rotary stretch " + factor + " is not allowed: expected 1 or more");
        }
        boolean whole = originalContext > 0
                && !shortFactors.isEmpty()
                && shortFactors.size() == longFactors.size()
                && Stream.concat(shortFactors.stream(), longFactors.stream())
                        .allMatch(one -> one > 0 && Double.isFinite(one));
        if (kind == Kind.LONGROPE && !whole) {
            throw new IllegalArgumentException("rotary factors " + shortFactors + " up to " + originalContext
                    + " tokens and " + longFactors + " beyond are not allowed: expected as many of each, finite numbers"
                    + " above 0, and 1 or more tokens");
        }
        boolean ordered = lowFactor > 0 && highFactor > lowFactor && Double.isFinite(highFactor) && originalContext > 0;
        if (kind == Kind.LLAMA3 && !ordered) {
            throw new IllegalArgumentException(
                    "rotary stretch from " + lowFactor + " to " + highFactor + " of " + originalContext
                            + " tokens is not allowed: expected 0 < lowFactor < highFactor and 1 or more tokens");
        }
    }

    /** The known forms. */
    public enum Kind {
        NONE,
        LINEAR,
        LLAMA3,
        LONGROPE
    }

    /**
     * What the wave of a pair of components is stretched by, whatever its length; 1 for all kinds but LONGROPE.
     *
     * @param context of the model in tokens
     */
    double stretch(int pair, int context) {
        if (kind != Kind.LONGROPE) {
            return 1;
        }
        return (context > originalContext ? longFactors : shortFactors).get(pair);
    }

    /** A frequency in radians a position after scaling that depends on itself alone: all kinds but LONGROPE. */
    public double scale(double frequency) {
        switch (kind) {
            case LINEAR:
                return frequency / factor;
            case LLAMA3:
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength > originalContext / lowFactor) {
                    return frequency / factor;
                }
                if (wavelength < originalContext / highFactor) {
                    return frequency;
                }
                double keep = (originalContext / wavelength - lowFactor) / (highFactor - lowFactor);
                return (1 - keep) * frequency / factor + keep * frequency;
            default:
                return frequency;
        }
    }
}
