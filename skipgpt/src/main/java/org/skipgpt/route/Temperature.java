package org.skipgpt.route;

/**
 * Temperature tau of the Gumbel-softmax over optimizer steps; above 0.
 *
 * <p>It sharpens the gradient only: the hard choice argmax((z + G) / tau) does not depend on it.
 */
public sealed interface Temperature {
    /** The paper's: 5 to 1, linear. */
    static Temperature paper() {
        return new Linear(5, 1);
    }

    /**
     * Its value.
     *
     * @param step optimizer steps done, 0..steps
     * @param steps optimizer steps in all
     */
    double at(long step, long steps);

    /** The same at every step. */
    record Constant(double tau) implements Temperature {
        /** Checks that it is above 0. */
        public Constant {
            check(tau);
        }

        @Override
        public double at(long step, long steps) {
            return tau;
        }
    }

    /** {@code from - (from - to) * step / steps}. */
    record Linear(double from, double to) implements Temperature {
        /** Checks that both are above 0. */
        public Linear {
            check(from);
            check(to);
        }

        @Override
        public double at(long step, long steps) {
            return from - (from - to) * share(step, steps);
        }
    }

    /** {@code to + (from - to) * (1 + cos(pi * step / steps)) / 2}. */
    record Cosine(double from, double to) implements Temperature {
        /** Checks that both are above 0. */
        public Cosine {
            check(from);
            check(to);
        }

        @Override
        public double at(long step, long steps) {
            return to + (from - to) * (1 + Math.cos(Math.PI * share(step, steps))) / 2;
        }
    }

    private static double share(long step, long steps) {
        return steps <= 0 ? 1 : Math.min(1, Math.max(0, (double) step / steps));
    }

    private static void check(double tau) {
        if (!(tau > 0) || Double.isInfinite(tau)) {
            throw new IllegalArgumentException("temperature " + tau + " is not allowed: expected a number above 0");
        }
    }
}
