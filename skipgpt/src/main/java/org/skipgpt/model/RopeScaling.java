package org.skipgpt.model;

/**
 * How rotary frequencies are stretched for long contexts.
 *
 * <p>Llama 3 (Meta's llama-models, 2024): wavelengths above {@code originalContext / lowFactor} are stretched by
 * {@code factor}, those below {@code originalContext / highFactor} stay, and those between are mixed linearly.
 * Linear: every frequency is divided by {@code factor}.
 *
 * @param kind NONE, LINEAR or LLAMA3
 * @param factor stretch, at least 1
 * @param lowFactor LLAMA3 only
 * @param highFactor LLAMA3 only
 * @param originalContext context length of pre-training in tokens; LLAMA3 only
 */
public record RopeScaling(Kind kind, double factor, double lowFactor, double highFactor, int originalContext) {
    /** No scaling. */
    public static final RopeScaling NONE = new RopeScaling(Kind.NONE, 1, 1, 1, 0);

    /** Checks that every frequency stays finite and no shorter wave is stretched more than a longer one. */
    public RopeScaling {
        if (!(factor >= 1 && Double.isFinite(factor))) {
            throw new IllegalArgumentException("rotary stretch " + factor + " is not allowed: expected 1 or more");
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
        LLAMA3
    }

    /** A frequency in radians a position after scaling. */
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
