package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import org.skipgpt.model.Rows;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Turns a router's logits into a decision for every row.
 *
 * <p>While routers learn: {@code g = hard + soft - stop(soft)}, {@code soft = softmax((z + G) / tau)} at execute, hard
 * its argmax (Jang and others, Gumbel-softmax, 2017; SkipGPT, 2025, Eq. 4-5). At inference: executes where
 * {@code p_execute >= theta}, without noise.
 */
public final class Gate {
    private final TorchProgram program;
    // Most decisions are the argmax with nothing forced; an array less a module counts in a step of decoding.
    private final NDArray argmax;
    private final boolean one;

    private Gate(TorchProgram program, NDArray argmax, boolean one) {
        this.program = program;
        this.argmax = argmax;
        this.one = one;
    }

    /** Compiles the arithmetic; the owner frees it. */
    public static Gate compile(NDManager owner) {
        String code = TorchSource.of(Gate.class, "gate.torchscript").code();
        boolean one = Places.under(owner).isOne();
        return new Gate(TorchProgram.compile(owner, code), owner.create(new float[] {0}), one);
    }

    /** Logits (N, 2) of a router; column 1 means execute. */
    public NDArray logits(Router router, NDArray u) {
        return program.call(form(router), input(router, u), router.parameters().toArray(new NDArray[0])); // (N, 2)
    }

    private NDArray input(Router router, NDArray u) {
        return router.config().norm() == RouterConfig.Norm.RMS ? program.call("rms", u) : u; // (N, D)
    }

    private static String form(Router router) {
        RouterConfig config = router.config();
        String method = switch (config.form()) {
            case LINEAR -> "linear";
            case MLP -> "mlp";
            case NORMED_MLP -> "normed";
        };
        return method + (config.bias() ? "" : "_plain");
    }

    /**
     * A noisy decision with the straight-through gradient.
     *
     * @param logits (N, 2)
     * @param noise (N, 2)
     * @param tau temperature above 0
     * @return gate (N) and soft sample (N) at execute
     */
    public NDList sample(
            NDArray logits, NDArray noise, double tau, ExecutionBounds bounds, ForcedExecution forced, Rows rows) {
        NDManager scope = logits.getManager();
        long[] limits = bounds.rows(rows.size());
        return program.callAll(
                "sample",
                logits,
                noise,
                scope.create((float) tau),
                scope.create(limits),
                scope.create(forced.rows(rows)));
    }

    /**
     * A decision without noise or gradient: logit(p_execute) >= threshold.
     *
     * @param threshold logit of theta; 0 is the argmax
     * @return (N)
     */
    public NDArray choose(NDArray logits, double threshold, ForcedExecution forced, Rows rows) {
        return program.call("choose", logits, limits(logits.getManager(), threshold, forced, rows));
    }

    /** The same with a threshold of each row, N. */
    NDArray choose(NDArray logits, float[] thresholds, ForcedExecution forced, Rows rows) {
        NDManager scope = logits.getManager();
        return program.call("choose_rows", logits, scope.create(thresholds), scope.create(forced.rows(rows))); // (N)
    }

    /**
     * The same from what a router reads, in one call: a step of decoding waits for calls more than for arithmetic.
     *
     * @param u (N, D)
     * @return (N)
     */
    public NDArray choose(Router router, NDArray u, double threshold, ForcedExecution forced, Rows rows) {
        NDArray[] arguments = new NDArray[1 + router.parameters().size()];
        arguments[0] = limits(u.getManager(), threshold, forced, rows);
        for (int i = 1; i < arguments.length; i++) {
            arguments[i] = router.parameters().get(i - 1);
        }
        return program.call("choose_" + form(router), input(router, u), arguments); // (N)
    }

    /** The threshold, then 1 for each row that must execute where some must. */
    private NDArray limits(NDManager scope, double threshold, ForcedExecution forced, Rows rows) {
        float[] must = forced.rows(rows);
        if (threshold == 0 && must.length == 0) {
            return one ? argmax : scope.create(new float[] {0});
        }
        float[] limits = new float[1 + must.length];
        limits[0] = (float) threshold;
        System.arraycopy(must, 0, limits, 1, must.length);
        return scope.create(limits);
    }

    /** Gumbel noise (N, 2); the same seed gives the same noise. */
    public NDArray gumbel(NDArray like, long seed) {
        return program.call("gumbel", like, Torch.seed(like.getManager(), seed));
    }

    /**
     * Mean skip r.
     *
     * @param gates (M, N)
     * @param weights weight of each module, sum 1
     * @param valid 1 for tokens that count, else 0; N
     * @return ()
     */
    public NDArray skipRate(NDArray gates, float[] weights, float[] valid) {
        NDManager scope = gates.getManager();
        float tokens = 0;
        for (float v : valid) {
            tokens += v;
        }
        return program.call("skip_rate", gates, scope.create(weights), scope.create(valid), scope.create(tokens));
    }
}
