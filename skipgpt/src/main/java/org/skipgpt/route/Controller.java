package org.skipgpt.route;

/**
 * How a budget pulls the share that is skipped, r, towards its target T: the factor on {@code -r} in the loss.
 *
 * <p>A factor of a step is what a unit of r is worth in nats a token; where r rests, it equals what skipping a little more
 * would cost.
 */
public sealed interface Controller {
    /** The paper's: {@code alpha sign(T - r)}, the gradient of {@code alpha |T - r|}. */
    static Controller absolute() {
        return new Absolute();
    }

    /** A factor that finds its size: proportional 40, integral 4. */
    static Controller integral() {
        return new Integral(40, 4);
    }

    /**
     * The factor.
     *
     * @param alpha the budget's weight
     * @param missing T - r of this step
     * @param sum of T - r over the steps before
     */
    double factor(double alpha, double missing, double sum);

    /** Alpha on the side of r that lies wrong: far larger than what skipping costs, so that r wavers around T. */
    record Absolute() implements Controller {
        @Override
        public double factor(double alpha, double missing, double sum) {
            return alpha * Math.signum(missing);
        }
    }

    /**
     * {@code p (T - r) + i sum (T - r)}: the sum settles at what skipping costs, and r at T.
     *
     * <p>Deviation: the paper's penalty has a constant size. Twenty nats a unit of r drown the loss's gradient, which then
     * only decides where skipping starts after the penalty has decided how much.
     *
     * @param proportional nats a unit of T - r, 0 or more
     * @param integral nats a unit of the sum of T - r over steps, above 0
     */
    record Integral(double proportional, double integral) implements Controller {
        /** Checks the ranges. */
        public Integral {
            if (!(proportional >= 0) || !(integral > 0)) {
                throw new IllegalArgumentException("budget controller: proportional " + proportional
                        + " must be 0 or more, integral " + integral + " above 0");
            }
        }

        @Override
        public double factor(double alpha, double missing, double sum) {
            return proportional * missing + integral * sum;
        }
    }
}
