package org.skipgpt.route;

import org.skipgpt.model.LayerPolicy;

/** A policy that runs a module where some probability is reached, so that a {@link BudgetDial} turns how much it skips. */
public interface Dialled extends LayerPolicy {
    /** The least probabilities. */
    Thresholds thresholds();

    /** The same with others. */
    Dialled withThresholds(Thresholds other);

    /**
     * The same with the thresholds of a dial, which may be told to people.
     *
     * @param target the share to skip at which the dial stands
     */
    default Dialled withDial(Thresholds other, double target) {
        return withThresholds(other);
    }
}
