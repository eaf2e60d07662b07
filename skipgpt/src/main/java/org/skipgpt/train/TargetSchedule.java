package org.skipgpt.train;

/** How the share to skip reaches its target over the steps of a run. */
public sealed interface TargetSchedule {
    /** The whole target at once, as in the paper. */
    static TargetSchedule whole() {
        return new Whole();
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
