package org.skipgpt.route;

import java.util.Arrays;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;

/**
 * How much is to be skipped, and the loss that asks for it: {@code alpha * |T - r|} (SkipGPT, 2025, Eq. 7-9).
 *
 * <p>r is the mean skip over real tokens and modules, each module weighted by what {@code kind} counts. Deviation: the
 * authors' code counts padding too; sequences here are packed, so that there is none.
 *
 * @param target T, share to skip, 0..1
 * @param kind what is counted
 * @param alpha weight of the penalty; paper 8, authors' code 20
 * @param scope tokens one r is taken over
 * @param context keys an attention sees, for {@link Kind#FLOPS}
 * @param controller how r is pulled towards T
 */
public record Budget(double target, Kind kind, double alpha, Scope scope, int context, Controller controller) {
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
    }

    /** The paper's: modules, alpha 8, per micro-batch. */
    public static Budget of(double target) {
        return new Budget(target, Kind.MODULES, 8, Scope.MICRO_BATCH, 2048, Controller.absolute());
    }

    /** With another target. */
    public Budget withTarget(double other) {
        return new Budget(other, kind, alpha, scope, context, controller);
    }

    /** Counting something else. */
    public Budget withKind(Kind other) {
        return new Budget(target, other, alpha, scope, context, controller);
    }

    /** With another weight. */
    public Budget withAlpha(double other) {
        return new Budget(target, kind, other, scope, context, controller);
    }

    /** Over other tokens. */
    public Budget withScope(Scope other) {
        return new Budget(target, kind, alpha, other, context, controller);
    }

    /** At another context length. */
    public Budget withContext(int keys) {
        return new Budget(target, kind, alpha, scope, keys, controller);
    }

    /** With another way of pulling r towards the target. */
    public Budget withController(Controller other) {
        return new Budget(target, kind, alpha, scope, context, other);
    }

    /** All that decides what is asked for. */
    public Identity identity() {
        return Identity.of("budget")
                .with("target", target)
                .with("counts", kind)
                .with("alpha", alpha)
                .with("scope", scope)
                .with("context", context)
                .with("controller", controller);
    }

    /** Weight of each module in r, in forward order; they add up to 1. */
    public float[] weights(DecoderConfig model) {
        float[] weights = new float[model.modules()];
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
        double sum = Arrays.stream(each).sum();
        float[] weights = new float[each.length];
        for (int i = 0; i < each.length; i++) {
            weights[i] = (float) (each[i] / sum);
        }
        return weights;
    }

    /** r of given skip rates of attention and MLP. */
    public double rate(DecoderConfig model, double attention, double mlp) {
        double a = share(model, ModuleKind.ATTENTION);
        double m = share(model, ModuleKind.MLP);
        return (a * attention + m * mlp) / (a + m);
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
