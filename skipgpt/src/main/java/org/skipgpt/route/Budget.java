package org.skipgpt.route;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * How much is to be skipped, and the loss that asks for it: {@code alpha * |T - r|} (SkipGPT, 2025, Eq. 7-9).
 *
 * <p>r is the mean skip over real tokens and modules, each module weighted by what {@code kind} counts. Deviation: the
 * authors' code counts padding too; sequences here are packed, so that there is none.
 *
 * <p>Deviation: modules may also have costs of one's own, such as the milliseconds that this machine takes for them:
 *
 * <pre>{@code
 * Budget.of(0.25).withCosts(moduleTime(model, text).seconds())
 * }</pre>
 *
 * @param target T, share to skip, 0..1
 * @param kind what is counted
 * @param alpha weight of the penalty; paper 8, authors' code 20
 * @param scope tokens one r is taken over
 * @param context keys an attention sees, for {@link Kind#FLOPS}
 * @param controller how r is pulled towards T
 * @param costs what a run of each module costs, in any unit, 2L in forward order; counted instead of {@code kind} where there
 *     are any
 * @param positions what a skip is worth by where a token stands; alike everywhere in the paper
 */
public record Budget(
        double target,
        Kind kind,
        double alpha,
        Scope scope,
        int context,
        Controller controller,
        List<Double> costs,
        Positions positions) {
    /** What a budget counts. */
    public enum Kind {
        /** Every module alike: the paper's sparsity. */
        MODULES,
        /** Weights in the module's matrices. */
        PARAMS,
        /** Floating-point operations that skipping the module saves with keys and values kept. */
        FLOPS
    }

    /** Tokens one r is taken over. */
    public enum Scope {
        MICRO_BATCH,
        GLOBAL_BATCH
    }

    /** Checks the ranges. */
    public Budget {
        if (!(target >= 0 && target <= 1)) {
            throw new IllegalArgumentException(
                    "target " + target + " is not allowed: expected a share to skip between 0 and 1; 0.25 means 25 %");
        }
        if (!(alpha >= 0) || Double.isInfinite(alpha)) {
            throw new IllegalArgumentException("alpha " + alpha + " is not allowed: expected 0 or more; paper 8");
        }
        if (context < 1) {
            throw new IllegalArgumentException("context " + context + " is not allowed: expected 1 or more keys");
        }
        costs = List.copyOf(costs);
        positions = positions.isEven() ? Positions.even() : positions;
        if (!costs.isEmpty()
                && (costs.stream().anyMatch(cost -> !(cost >= 0) || Double.isInfinite(cost))
                        || costs.stream().allMatch(cost -> cost == 0))) {
            throw new IllegalArgumentException("costs " + costs
                    + " are not allowed: expected a finite number of 0 or more for each module, not 0 for all;"
                    + " e.g. moduleTime(model, text).seconds()");
        }
    }

    /** The paper's: modules, alpha 8, per micro-batch. */
    public static Budget of(double target) {
        return new Budget(
                target, Kind.MODULES, 8, Scope.MICRO_BATCH, 2048, Controller.absolute(), List.of(), Positions.even());
    }

    /** With another target. */
    public Budget withTarget(double other) {
        return new Budget(other, kind, alpha, scope, context, controller, costs, positions);
    }

    /** Counting something else; costs of one's own no longer. */
    public Budget withKind(Kind other) {
        return new Budget(target, other, alpha, scope, context, controller, List.of(), positions);
    }

    /**
     * Counting costs of one's own: {@code r = sum c_m s_m / sum c_m}, s_m the share of rows that skip module m.
     *
     * @param each what a run of each module costs, in any unit, 2L in forward order; 0 or more
     */
    public Budget withCosts(double... each) {
        return new Budget(
                target,
                kind,
                alpha,
                scope,
                context,
                controller,
                Arrays.stream(each).boxed().toList(),
                positions);
    }

    /** With another weight. */
    public Budget withAlpha(double other) {
        return new Budget(target, kind, other, scope, context, controller, costs, positions);
    }

    /** Over other tokens. */
    public Budget withScope(Scope other) {
        return new Budget(target, kind, alpha, other, context, controller, costs, positions);
    }

    /** At another context length. */
    public Budget withContext(int keys) {
        return new Budget(target, kind, alpha, scope, keys, controller, costs, positions);
    }

    /** With another way of pulling r towards the target. */
    public Budget withController(Controller other) {
        return new Budget(target, kind, alpha, scope, context, other, costs, positions);
    }

    /** With skips that are worth more at some positions than at others. */
    public Budget withPositions(Positions other) {
        return new Budget(target, kind, alpha, scope, context, controller, costs, other);
    }

    /** All that decides what is asked for. */
    public Identity identity() {
        return Identity.of("budget")
                .with("target", target)
                .with("counts", kind)
                .with("alpha", alpha)
                .with("scope", scope)
                .with("context", context)
                .with("controller", controller)
                .with("costs", costs, List.of())
                .with("positions", positions, Positions.even());
    }

    /** As it was before there were costs and positions, under which runs and folders are known. */
    @Override
    public String toString() {
        return "Budget[target=" + target + ", kind=" + kind + ", alpha=" + alpha + ", scope=" + scope + ", context="
                + context + ", controller=" + controller + (costs.isEmpty() ? "" : ", costs=" + costs)
                + (positions.isEven() ? "" : ", positions=" + positions) + "]";
    }

    /** What is counted, in a word or two. */
    public String counted() {
        return costs.isEmpty() ? kind.name().toLowerCase(Locale.ROOT) : "given costs";
    }

    /**
     * Weight of each module in r, in forward order; they add up to 1.
     *
     * @throws IllegalArgumentException if there are costs of more or fewer modules than the model has
     */
    public float[] weights(DecoderConfig model) {
        float[] weights = new float[model.modules()];
        if (!costs.isEmpty()) {
            return normed(costsOf(model));
        }
        if (!model.shapes().isEmpty()) {
            return weightsApart(model);
        }
        double sum = model.layers() * (share(model, ModuleKind.ATTENTION) + share(model, ModuleKind.MLP));
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) (share(model, i % 2 == 0 ? ModuleKind.ATTENTION : ModuleKind.MLP) / sum);
        }
        return weights;
    }

    // FLOPS of a layer of its own shape: those of its matrices; what scores cost besides differs with its heads.
    private float[] weightsApart(DecoderConfig model) {
        double[] each = model.sites().stream()
                .mapToDouble(site -> kind == Kind.MODULES ? 1 : model.parameters(site))
                .toArray();
        return normed(each);
    }

    // Of the largest, so that equal costs of any size are ones.
    private double[] costsOf(DecoderConfig model) {
        if (costs.size() != model.modules()) {
            throw new IllegalArgumentException("a budget with costs of " + costs.size() + " modules does not fit "
                    + model.modules() + " modules: give one cost a module, in forward order, e.g."
                    + " moduleTime(model, text).seconds()");
        }
        double most = costs.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
        return costs.stream().mapToDouble(cost -> cost / most).toArray();
    }

    private static float[] normed(double[] each) {
        double sum = Arrays.stream(each).sum();
        float[] weights = new float[each.length];
        for (int i = 0; i < each.length; i++) {
            weights[i] = (float) (each[i] / sum);
        }
        return weights;
    }

    /**
     * r of given skip rates of attention and MLP.
     *
     * @throws IllegalStateException if modules have costs of their own, where two rates do not say what is skipped
     */
    public double rate(DecoderConfig model, double attention, double mlp) {
        if (!costs.isEmpty()) {
            throw new IllegalStateException(
                    "modules of one kind have different costs here: give the rate of each module, or a trace");
        }
        double a = share(model, ModuleKind.ATTENTION);
        double m = share(model, ModuleKind.MLP);
        return (a * attention + m * mlp) / (a + m);
    }

    /**
     * r of the skip rate of each module.
     *
     * @param skipped 0..1, 2L in forward order
     */
    public double rate(DecoderConfig model, double[] skipped) {
        if (costs.isEmpty()) {
            return rate(model, mean(skipped, ModuleKind.ATTENTION), mean(skipped, ModuleKind.MLP));
        }
        double[] each = costsOf(model);
        double counted = 0;
        for (int i = 0; i < each.length; i++) {
            counted += each[i] * skipped[i];
        }
        return counted / Arrays.stream(each).sum();
    }

    /** r of what happened. */
    public double rate(DecoderConfig model, RoutingTrace trace) {
        return rate(
                model,
                trace.modules().stream()
                        .mapToDouble(module -> 1 - module.executedShare())
                        .toArray());
    }

    private static double mean(double[] skipped, ModuleKind module) {
        return IntStream.range(0, skipped.length)
                .filter(i -> ModuleSite.of(i).module() == module)
                .mapToDouble(i -> skipped[i])
                .average()
                .orElse(0);
    }

    private double share(DecoderConfig model, ModuleKind module) {
        switch (kind) {
            case PARAMS:
                return module == ModuleKind.ATTENTION ? model.attentionParameters() : model.mlpParameters();
            case FLOPS:
                return module == ModuleKind.ATTENTION ? Cost.savedAttentionFlops(model, context) : Cost.mlpFlops(model);
            default:
                return 1;
        }
    }
}
