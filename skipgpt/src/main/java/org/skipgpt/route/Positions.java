package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleKind;

/**
 * How much a skip is worth by where a token stands, for each kind of module: a budget that follows position under one total.
 *
 * <p>At position p of its text a module of kind k executes where its router's margin reaches {@code theta + s_k(p)}, with
 * {@code s_k(p) = a_k + (b_k - a_k) min(p, P) / P} logits; while routers learn, a skip there is worth {@code e^s} times as much to
 * the budget, so that a margin which is the log of what skipping costs decides by one rule everywhere. How much is skipped in all
 * stays with the budget's target and the dial.
 *
 * <p>A position is known without looking ahead, so sessions decide as whole texts do. Deviation: the paper's budget and thresholds
 * know no position; that they might is among its open questions.
 *
 * <pre>{@code
 * Budget.of(0.25).withPositions(Positions.from(1, -1).onMlp(-1, 1).over(512))   // later tokens: more attention, less MLP
 * }</pre>
 *
 * @param length P, position from which on nothing changes, 1 or more
 * @param attentionFirst a of attention, logits at position 0; above 0 more is skipped there
 * @param attentionLast b of attention, logits from P on
 * @param mlpFirst a of MLPs
 * @param mlpLast b of MLPs
 */
public record Positions(int length, double attentionFirst, double attentionLast, double mlpFirst, double mlpLast) {
    private static final Positions EVEN = new Positions(1, 0, 0, 0, 0);

    /** Checks the numbers. */
    public Positions {
        if (length < 1) {
            throw new IllegalArgumentException(
                    "positions: a length of " + length + " tokens is not allowed: expected 1 or more; use over(512)");
        }
        for (double logits : new double[] {attentionFirst, attentionLast, mlpFirst, mlpLast}) {
            if (!Double.isFinite(logits)) {
                throw new IllegalArgumentException(
                        "positions: " + logits + " logits are not allowed: expected finite numbers, e.g. from(1, -1)");
            }
        }
    }

    /** Every position alike. */
    public static Positions even() {
        return EVEN;
    }

    /** Of attention, from position 0 to 512 in logits; MLPs are alike everywhere. */
    public static Positions from(double first, double last) {
        return new Positions(512, first, last, 0, 0);
    }

    /** The same with MLPs that follow position, too. */
    public Positions onMlp(double first, double last) {
        return new Positions(length, attentionFirst, attentionLast, first, last);
    }

    /** The same where nothing changes any more from another position on. */
    public Positions over(int tokens) {
        return new Positions(tokens, attentionFirst, attentionLast, mlpFirst, mlpLast);
    }

    /** Whether every position is alike, so that routers decide as they would without. */
    public boolean isEven() {
        return attentionFirst == 0 && attentionLast == 0 && mlpFirst == 0 && mlpLast == 0;
    }

    /** s: logits by which the threshold lies higher at a position. */
    public double at(ModuleKind module, int position) {
        boolean attention = module == ModuleKind.ATTENTION;
        double first = attention ? attentionFirst : mlpFirst;
        double last = attention ? attentionLast : mlpLast;
        return first + (last - first) * Math.min(position, length) / length;
    }

    /** Thresholds of rows. */
    float[] thresholds(double threshold, ModuleKind module, Rows rows) {
        float[] each = new float[rows.size()];
        for (int row = 0; row < each.length; row++) {
            each[row] = (float) (threshold + at(module, rows.at()[row]));
        }
        return each;
    }

    /** What takes s off the margins of logits (N, 2). */
    NDArray shift(NDManager owner, ModuleKind module, Rows rows) {
        float[] each = new float[2 * rows.size()];
        for (int row = 0; row < rows.size(); row++) {
            float half = (float) (at(module, rows.at()[row]) / 2);
            each[2 * row] = half;
            each[2 * row + 1] = -half;
        }
        return owner.create(each, new Shape(rows.size(), 2));
    }

    /** e^s of rows (N). */
    public NDArray worth(NDManager owner, ModuleKind module, Rows rows) {
        float[] each = new float[rows.size()];
        for (int row = 0; row < each.length; row++) {
            each[row] = (float) Math.exp(at(module, rows.at()[row]));
        }
        return owner.create(each);
    }

    /** All that decides. */
    public Identity identity() {
        return Identity.of("positions", this);
    }
}
