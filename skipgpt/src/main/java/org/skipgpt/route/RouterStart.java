package org.skipgpt.route;

import java.util.List;
import org.skipgpt.shape.ModuleSite;

/**
 * Where fresh routers begin: {@code z = (scale W) u + b}, W Kaiming uniform, {@code b_execute - b_skip = margin}, or
 * {@code -lean} for modules that a static plan would drop.
 *
 * <p>Deviation: paper and authors' code start without a margin, so that a fresh router skips half of all runs. A small
 * model trained for it recovers from that; a pretrained one starts far beyond chance (its loss on text rises above that
 * of guessing) and does not.
 *
 * <pre>{@code
 * RouterStart.executing().atPlan()                                               // ShortGPT's, found by tuning itself
 * RouterStart.executing().leaningTo(jointLayerDrop(model, texts, 0.25).dropped()) // another's
 * }</pre>
 *
 * @param margin how much more the execute logit is at first; 3 skips 4.7 % of noisy decisions, none without noise
 * @param scale factor on the drawn weights, above 0
 * @param lean how much more the skip logit of a leaning module is at first, above 0; 2 executes 11.9 % of noisy decisions
 * @param leaning modules whose routers begin by skipping, and learn for which tokens to execute; none by default
 * @param isAtPlan whether tuning finds those modules: what ShortGPT would drop for the target, ranked on the text to learn from
 */
public record RouterStart(double margin, double scale, double lean, List<ModuleSite> leaning, boolean isAtPlan) {
    private static final double LEAN = 2;

    /** Checks the ranges. */
    public RouterStart {
        if (!(margin >= 0) || !(scale > 0) || Double.isInfinite(margin) || Double.isInfinite(scale)) {
            throw new IllegalArgumentException("router start: margin " + margin + " must be 0 or more, scale " + scale
                    + " above 0; RouterStart.even() is the paper's, RouterStart.executing() begins almost dense");
        }
        if (!(lean > 0) || Double.isInfinite(lean)) {
            throw new IllegalArgumentException("router start: lean " + lean + " must be above 0; 2 is usual");
        }
        leaning = List.copyOf(leaning);
        if (isAtPlan && !leaning.isEmpty()) {
            throw new IllegalArgumentException("router start: modules to lean to are named, and tuning is to find them"
                    + " by a plan as well; use leaningTo(…) or atPlan(), not both");
        }
    }

    /** No module leans. */
    public RouterStart(double margin, double scale) {
        this(margin, scale, LEAN, List.of(), false);
    }

    /** The paper's and the authors' code: no margin, weights as drawn. */
    public static RouterStart even() {
        return new RouterStart(0, 1);
    }

    /** Almost always executing: margin 3, weights a fiftieth. */
    public static RouterStart executing() {
        return new RouterStart(3, 0.02);
    }

    /** D-LLM's code: biases 0.1 for skipping and 2 for executing. */
    public static RouterStart dLlm() {
        return new RouterStart(1.9, 1);
    }

    /** With another margin. */
    public RouterStart withMargin(double other) {
        return new RouterStart(other, scale, lean, leaning, isAtPlan);
    }

    /** With another factor on the weights. */
    public RouterStart withScale(double other) {
        return new RouterStart(margin, other, lean, leaning, isAtPlan);
    }

    /** With another lean. */
    public RouterStart withLean(double other) {
        return new RouterStart(margin, scale, other, leaning, isAtPlan);
    }

    /** With modules that begin by skipping, e.g. what a plan drops. */
    public RouterStart leaningTo(List<ModuleSite> skipped) {
        return new RouterStart(margin, scale, lean, skipped, false);
    }

    /** With modules that begin by skipping, which tuning finds: what ShortGPT would drop for the target. */
    public RouterStart atPlan() {
        return new RouterStart(margin, scale, lean, List.of(), true);
    }

    /** Where no module leans, as before any could: it names runs that are kept. */
    @Override
    public String toString() {
        String common = "RouterStart[margin=" + margin + ", scale=" + scale;
        if (isAtPlan) {
            return common + ", lean=" + lean + ", at ShortGPT's plan]";
        }
        return common + (leaning.isEmpty() ? "]" : ", lean=" + lean + ", leaning=" + leaning + "]");
    }
}
