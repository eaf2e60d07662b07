package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Map;
import java.util.function.Supplier;
import org.skipgpt.report.Identity;

/** An objective with something to measure between its steps. */
record Evaluated(Objective objective, Supplier<Map<String, Double>> measure) implements Objective {
    @Override
    public Map<String, NDArray> parameters() {
        return objective.parameters();
    }

    @Override
    public Map<String, NDArray> state() {
        return objective.state();
    }

    @Override
    public void finish(long step, Map<String, Double> means) {
        objective.finish(step, means);
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        return objective.backward(scope, step, micro, weight);
    }

    @Override
    public Supplier<Map<String, Double>> forward(NDManager scope, long step, int micro, double weight) {
        return objective.forward(scope, step, micro, weight);
    }

    @Override
    public double rateFactor(String parameter) {
        return objective.rateFactor(parameter);
    }

    @Override
    public Map<String, Double> evaluate() {
        return measure.get();
    }

    @Override
    public void close() {
        objective.close();
    }

    @Override
    public String describe() {
        return objective.describe();
    }

    @Override
    public Identity identity() {
        return objective.identity();
    }
}
