package org.skipgpt.route;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.Interruption;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.ModuleKind;
import org.skipgpt.report.Report;

/**
 * Thresholds that make one tuned model serve several budgets.
 *
 * <p>All thresholds are raised or lowered together by a logit shift that is found by bisection on sample text; every
 * trial is a real run, since a changed decision changes what later routers read.
 *
 * <pre>{@code
 * var dial = BudgetDial.calibrate(routed, Budget.of(0.25), new double[] {0.1, 0.25, 0.4}, samples);
 * var faster = dial.set(routed, 0.4);
 * }</pre>
 *
 * @param budget what is counted
 * @param marks one a target, ascending
 */
public record BudgetDial(Budget budget, List<Mark> marks) implements Report {
    private static final int TRIALS = 24;
    private static final double RANGE = 40;

    /**
     * One position of the dial.
     *
     * @param target what was asked for
     * @param realised what the sample text gave; its distance from the target is the grain of the routers
     * @param thresholds what gives it
     */
    public record Mark(double target, double realised, Thresholds thresholds) {}

    /** Copies the list. */
    public BudgetDial {
        marks = List.copyOf(marks);
    }

    /**
     * Finds thresholds.
     *
     * @param model under a policy with thresholds, around which modules may be dropped
     * @param targets shares to skip, 0..1
     * @param samples sequences of tokens like those to come
     * @throws IllegalArgumentException without a target or without a sample
     */
    public static BudgetDial calibrate(LanguageModel model, Budget budget, double[] targets, int[]... samples) {
        if (targets.length == 0) {
            throw new IllegalArgumentException("a budget dial without a target has no position: name shares to skip,"
                    + " e.g. budgetDial(model, texts, 0.1, 0.25, 0.4)");
        }
        if (samples.length == 0) {
            throw new IllegalArgumentException(
                    "no text to calibrate a budget dial on: the list is empty; give texts like those to come");
        }
        Dialled policy = dialled(model);
        double[] sorted = targets.clone();
        Arrays.sort(sorted);
        List<Mark> marks = new ArrayList<>();
        for (double target : sorted) {
            marks.add(find(model, policy, budget.withTarget(target), samples));
        }
        return new BudgetDial(budget, marks);
    }

    private static Mark find(LanguageModel model, Dialled policy, Budget budget, int[][] samples) {
        Mark best = trial(model, policy, budget, 0, samples);
        double low = -RANGE;
        double high = RANGE;
        for (int i = 0; i < TRIALS && Math.abs(best.realised() - budget.target()) > 1e-3; i++) {
            Interruption.check();
            double middle = (low + high) / 2;
            Mark mark = i == 0 ? best : trial(model, policy, budget, middle, samples);
            if (Math.abs(mark.realised() - budget.target()) < Math.abs(best.realised() - budget.target())) {
                best = mark;
            }
            if (mark.realised() < budget.target()) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return best;
    }

    private static Mark trial(LanguageModel model, Dialled policy, Budget budget, double shift, int[][] samples) {
        Thresholds thresholds = policy.thresholds().plus(shift);
        RoutingTrace trace =
                RoutingTrace.of(model.withPolicy(model.policy().withCore(policy.withThresholds(thresholds))), samples);
        double rate = budget.rate(model.config(), trace.skipped(ModuleKind.ATTENTION), trace.skipped(ModuleKind.MLP));
        return new Mark(budget.target(), rate, thresholds);
    }

    private static Dialled dialled(LanguageModel model) {
        if (model.policy().core() instanceof Dialled policy) {
            return policy;
        }
        throw new IllegalArgumentException("a budget dial turns routers, but this model is "
                + model.policy().describe() + ": tune routers first or load a checkpoint with them");
    }

    /**
     * The model at a calibrated budget.
     *
     * @param target one of the calibrated targets
     */
    public LanguageModel set(LanguageModel model, double target) {
        for (Mark mark : marks) {
            if (mark.target() == target) {
                Dialled turned = dialled(model).withDial(mark.thresholds(), target);
                return model.withPolicy(model.policy().withCore(turned));
            }
        }
        throw new IllegalArgumentException("target " + target + " is not on the dial: it has "
                + marks.stream().map(Mark::target).toList() + "; calibrate it first");
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder("target  realised");
        for (Mark m : marks) {
            out.append(String.format(Locale.ROOT, "\n%5.1f %%  %6.1f %%", 100 * m.target(), 100 * m.realised()));
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
