package org.skipgpt.route;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;

/**
 * Thresholds that make one tuned model serve several budgets.
 *
 * <p>All thresholds are raised or lowered together by a logit shift that is found by bisection on sample text; every
 * trial is a real run, since a changed decision changes what later routers read. Routers know only shares near the one they
 * were tuned for: far above it a model may say no more than guessing would, so the loss stands beside every share.
 *
 * <pre>{@code
 * var dial = BudgetDial.calibrate(routed, Budget.of(0.25), new double[] {0.1, 0.25, 0.4}, samples);
 * var faster = dial.set(routed, 0.4);
 * }</pre>
 *
 * @param budget what is counted
 * @param marks one a target, ascending
 * @param dense loss of the model with nothing skipped on the sample text, nats a token
 * @param guessing loss of a model that knows nothing, ln V, nats a token
 */
public record BudgetDial(Budget budget, List<Mark> marks, double dense, double guessing) implements Report {
    private static final int TRIALS = 24;
    private static final double RANGE = 40;

    /**
     * One position of the dial.
     *
     * @param target what was asked for
     * @param realised what the sample text gave; its distance from the target is the grain of the routers
     * @param loss of the model at this position on the sample text, nats a token
     * @param thresholds what gives it
     * @param tries how many positions were looked at
     */
    public record Mark(double target, double realised, double loss, Thresholds thresholds, int tries) {}

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
        return calibrate(model, budget, targets, ProgressObserver.silent(), samples);
    }

    /** The same, told to an observer. */
    public static BudgetDial calibrate(
            LanguageModel model, Budget budget, double[] targets, ProgressObserver observer, int[]... samples) {
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
        long start = System.nanoTime();
        List<Mark> marks = new ArrayList<>();
        for (double target : sorted) {
            Trial found = find(model, policy, budget.withTarget(target), samples);
            LanguageModel turned = model.withPolicy(model.policy().withCore(policy.withThresholds(found.thresholds())));
            marks.add(new Mark(target, found.realised(), loss(turned, samples), found.thresholds(), found.tries()));
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("budget dial", marks.size(), sorted.length, "shares", seconds, ""));
        }
        double dense = loss(model.withPolicy(LayerPolicy.dense()), samples);
        return new BudgetDial(budget, marks, dense, Math.log(model.config().vocabulary()));
    }

    /**
     * The thresholds at which sample text skips a budget's target, without the losses of a whole dial.
     *
     * @param model under a policy with thresholds
     * @param samples sequences of tokens like those to come, at least one
     */
    public static Thresholds thresholds(LanguageModel model, Budget budget, int[]... samples) {
        return find(model, dialled(model), budget, samples).thresholds();
    }

    private static double loss(LanguageModel model, int[][] samples) {
        double sum = 0;
        long tokens = 0;
        for (int[] sample : samples) {
            for (float p : model.logProbabilities(sample)[0]) {
                sum -= p;
                tokens++;
            }
        }
        return sum / tokens;
    }

    private record Trial(double realised, Thresholds thresholds, int tries) {}

    private static Trial find(LanguageModel model, Dialled policy, Budget budget, int[][] samples) {
        Trial best = trial(model, policy, budget, 0, samples);
        int tries = 1;
        double low = -RANGE;
        double high = RANGE;
        for (int i = 0; i < TRIALS && Math.abs(best.realised() - budget.target()) > 1e-3; i++) {
            Interruption.check();
            double middle = (low + high) / 2;
            Trial mark = i == 0 ? best : trial(model, policy, budget, middle, samples);
            tries += i == 0 ? 0 : 1;
            if (Math.abs(mark.realised() - budget.target()) < Math.abs(best.realised() - budget.target())) {
                best = mark;
            }
            if (mark.realised() < budget.target()) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return new Trial(best.realised(), best.thresholds(), tries);
    }

    private static Trial trial(LanguageModel model, Dialled policy, Budget budget, double shift, int[][] samples) {
        Thresholds thresholds = policy.thresholds().plus(shift);
        RoutingTrace trace =
                RoutingTrace.of(model.withPolicy(model.policy().withCore(policy.withThresholds(thresholds))), samples);
        double rate = budget.rate(model.config(), trace);
        return new Trial(rate, thresholds, 1);
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
        StringBuilder out = new StringBuilder("target  realised    loss");
        for (Mark m : marks) {
            out.append(String.format(
                    Locale.ROOT, "\n%5.1f %%  %6.1f %%  %6.3f", 100 * m.target(), 100 * m.realised(), m.loss()));
            out.append(m.loss() > (dense + guessing) / 2 ? "  nearer to guessing than to dense" : "");
        }
        out.append(String.format(Locale.ROOT, "\nnats a token; dense %.3f, guessing %.3f", dense, guessing));
        if (marks.stream().anyMatch(m -> m.loss() > (dense + guessing) / 2)) {
            out.append("; tune routers for such a share instead of turning the dial so far");
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
