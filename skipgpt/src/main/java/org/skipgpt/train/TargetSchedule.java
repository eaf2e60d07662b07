package org.skipgpt.train;

/** How the share to skip reaches its target over the steps of a run. */
public sealed interface TargetSchedule {
    /** The whole target at once, as in the paper. */
    static TargetSchedule whole() {
        return new Whole();
    }

    /**
     * Another share at each step, evenly from a range, so that one set of routers learns to serve all of them by its thresholds
     * ({@code budgetDial}).
     */
    static TargetSchedule range(double low, double high) {
        return new Range(low, high);
    }

    /** The share to skip asked for at a step. */
    double at(double target, long step, long steps);

    /** The whole target at once. */
    record Whole() implements TargetSchedule {
        @Override
        public double at(double target, long step, long steps) {
            return target;
        }
    }

    /** It grows by 0.1 every so many steps, from 0; an option of the authors' code (500). */
    record Stairs(long every) implements TargetSchedule {
        /** Checks that a stair is at least a step long. */
        public Stairs {
            if (every < 1) {
                throw new IllegalArgumentException(
                        "target schedule: a stair of " + every + " steps; expected 1 or more, e.g. 500 as the authors");
            }
        }

        @Override
        public double at(double target, long step, long steps) {
            return Math.min(target, 0.1 * Math.floorDiv(step, every));
        }
    }

    /**
     * A share from low to high at each step, whatever the target: {@code low + (high - low) frac(phi (step + 1))} with phi the
     * golden ratio, which fills the range evenly in any number of steps.
     *
     * <p>At the share t all thresholds are raised by {@code s = b (t - (low + high) / 2)} logits, b finding its size, and the
     * pull of the budget is {@code e^s} times that of the middle: a router whose margin is the log of what skipping costs then
     * decides for every share by the same rule.
     *
     * <p>Deviation: the paper tunes a set of routers for one share.
     */
    record Range(double low, double high) implements TargetSchedule {
        private static final double PHI = (Math.sqrt(5) - 1) / 2;

        /** Checks the ends. */
        public Range {
            if (!(low >= 0 && low < high && high < 1)) {
                throw new IllegalArgumentException("target schedule: a range of shares from " + low + " to " + high
                        + "; expected 0 <= low < high < 1, e.g. 0.1 to 0.5");
            }
        }

        @Override
        public double at(double target, long step, long steps) {
            double part = PHI * (step + 1);
            return low + (high - low) * (part - Math.floor(part));
        }

        /** How far a share lies from the middle of the range. */
        double fromMiddle(double share) {
            return share - (low + high) / 2;
        }
    }

    /** It grows linearly from 0 over a share of all steps. */
    record Ramp(double share) implements TargetSchedule {
        /** Checks the range. */
        public Ramp {
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException(
                        "target schedule: a ramp over " + share + " of the steps; expected above 0 up to 1, e.g. 0.3");
            }
        }

        @Override
        public double at(double target, long step, long steps) {
            return target * Math.min(1, (step + 1) / Math.max(1, share * steps));
        }
    }
}
