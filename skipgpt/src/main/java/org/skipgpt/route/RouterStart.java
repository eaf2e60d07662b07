package org.skipgpt.route;

/**
 * Where fresh routers begin: {@code z = (scale W) u + b}, W Kaiming uniform, {@code b_execute - b_skip = margin}.
 *
 * <p>Deviation: paper and authors' code start without a margin, so that a fresh router skips half of all runs. A small
 * model trained for it recovers from that; a pretrained one starts far beyond chance (its loss on text rises above that
 * of guessing) and does not.
 *
 * @param margin how much more the execute logit is at first; 3 skips 4.7 % of noisy decisions, none without noise
 * @param scale factor on the drawn weights, above 0
 */
public record RouterStart(double margin, double scale) {
    /** Checks the ranges. */
    public RouterStart {
        if (!(margin >= 0) || !(scale > 0) || Double.isInfinite(margin) || Double.isInfinite(scale)) {
            throw new IllegalArgumentException("router start: margin " + margin + " must be 0 or more, scale " + scale
                    + " above 0; RouterStart.even() is the paper's, RouterStart.executing() begins almost dense");
        }
    }

    /** The paper's and the authors' code: no margin, weights as drawn. */
    public static RouterStart even() {
        return new RouterStart(0, 1);
    }

    /** Almost always executing: margin 3, weights a fiftieth. */
    public static RouterStart executing() {
        return new RouterStart(3, 0.02);
    }

    /** With another margin. */
    public RouterStart withMargin(double other) {
        return new RouterStart(other, scale);
    }

    /** With another factor on the weights. */
    public RouterStart withScale(double other) {
        return new RouterStart(margin, other);
    }
}
