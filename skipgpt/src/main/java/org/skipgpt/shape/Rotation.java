package org.skipgpt.shape;

/**
 * How the queries and keys of a layer turn with their positions: pair i of a head of width E by
 * {@code position * base^(-2i/E)} radians, stretched.
 *
 * @param base of the frequencies, at least 1; 0 for a layer that knows no positions
 * @param scaling stretch of the frequencies
 */
public record Rotation(double base, RopeScaling scaling) {
    /** None: queries and keys stay as they are. */
    public static final Rotation NONE = new Rotation(0, RopeScaling.NONE);

    /** Checks the base. */
    public Rotation {
        if (!(base == 0 || (base >= 1 && Double.isFinite(base)))) {
            throw new IllegalArgumentException(
                    "rotary base " + base + " is not allowed: expected a finite number of 1 or more, or 0 for none");
        }
    }

    /** The plain rotation of a base. */
    public static Rotation of(double base) {
        return new Rotation(base, RopeScaling.NONE);
    }

    /**
     * Frequencies in radians a position, E/2; all 0, which turns nothing, for {@link #NONE}.
     *
     * @param context of the model in tokens
     */
    public float[] frequencies(int headDim, int context) {
        float[] frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length && base > 0; i++) {
            // Hugging Face computes these in fp32; rounding first keeps long contexts equal.
            float wave = (float) scaling.stretch(i, context) * (float) Math.pow(base, 2.0 * i / headDim);
            float f = (float) (1.0 / wave);
            frequencies[i] = (float) scaling.scale(f);
        }
        return frequencies;
    }
}
