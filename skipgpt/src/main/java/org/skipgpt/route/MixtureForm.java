package org.skipgpt.route;

/**
 * What the tokens of a Mixture-of-Depths compete for.
 *
 * @param capacity share of a sequence's tokens that run, above 0 up to 1
 * @param blocks whole layers, whose output is weighed as one, instead of single modules
 * @param every of how many layers one is routed, the last of them; all tokens run the others
 */
public record MixtureForm(double capacity, boolean blocks, int every) {
    /** Checks the ranges. */
    public MixtureForm {
        if (!(capacity > 0 && capacity <= 1)) {
            throw new IllegalArgumentException("capacity " + capacity
                    + " is not allowed: expected a share above 0 up to 1, 0.75 in the paper's 25 %");
        }
        if (every < 1) {
            throw new IllegalArgumentException(
                    "every " + every + " is not allowed: expected 1 for all layers, or more");
        }
    }

    /** MoD-D of SkipGPT's tables: attention and MLP apart, in every layer; 0.75 for a quarter skipped. */
    public static MixtureForm modules(double capacity) {
        return new MixtureForm(capacity, false, 1);
    }

    /** MoD (Raposo et al., 2024): whole layers, every other one; 0.125 is the best one published. */
    public static MixtureForm blocks(double capacity) {
        return new MixtureForm(capacity, true, 2);
    }

    /** With another share of routed layers. */
    public MixtureForm withEvery(int layers) {
        return new MixtureForm(capacity, blocks, layers);
    }

    /** Whether tokens compete in a layer. */
    boolean isRouted(int layer) {
        return layer % every == every - 1;
    }

    /** The paper's name. */
    public String method() {
        return blocks ? "MoD" : "MoD-D";
    }
}
