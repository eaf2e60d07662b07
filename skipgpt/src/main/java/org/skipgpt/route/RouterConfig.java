package org.skipgpt.route;

/**
 * What a router looks like.
 *
 * <p>Paper (SkipGPT, 2025, Eq. 3-5): linear, reads the residual that enters its own module. The authors' training code:
 * an MLP that reads the layer's input. Their published weights: linear with bias, reading the layer's input.
 *
 * @param form linear D to 2, or MLP D to hidden to 2 with ReLU, or with RMSNorm and SiLU
 * @param input which stream it reads
 * @param norm norm before the router; none in paper and code
 * @param bias whether its products have a bias
 * @param hidden width of the MLP forms; 0 means D/4, in D-LLM's form D/8
 * @param coupled one router a layer that decides for both modules; reads the layer's input
 */
public record RouterConfig(Form form, Input input, Norm norm, boolean bias, int hidden, boolean coupled) {
    /** Shape of a router. */
    public enum Form {
        /** {@code W u + b}. */
        LINEAR,
        /** {@code W2 relu(W1 u + b1) + b2}. */
        MLP,
        /** D-LLM's: {@code W2 silu(rms(W1 u + b1)) + b2}. */
        NORMED_MLP
    }

    /** The stream a router reads. */
    public enum Input {
        /** The residual that enters its own module. */
        MODULE,
        /** The residual that enters the layer, for both modules. */
        LAYER
    }

    /** Norm before a router. */
    public enum Norm {
        NONE,
        RMS
    }

    /** Checks that a coupled router reads the layer's input. */
    public RouterConfig {
        if (hidden < 0) {
            throw new IllegalArgumentException("router hidden width " + hidden
                    + " is not allowed: expected 1 or more, or 0 for a share of the" + " model width; use withHidden");
        }
        if (coupled && input != Input.LAYER) {
            throw new IllegalArgumentException("a coupled router decides before its layer runs and so cannot read a"
                    + " module's own input: use withInput(LAYER)");
        }
    }

    /** Linear with bias on the module's own residual, as the paper has it. */
    public static RouterConfig defaults() {
        return new RouterConfig(Form.LINEAR, Input.MODULE, Norm.NONE, true, 0, false);
    }

    /** The authors' training code: MLP on the layer's input. */
    public static RouterConfig official() {
        return new RouterConfig(Form.MLP, Input.LAYER, Norm.NONE, true, 0, false);
    }

    /** The authors' published weights: linear with bias on the layer's input. */
    public static RouterConfig published() {
        return defaults().withInput(Input.LAYER);
    }

    /** D-LLM (Jiang and others, 2024): one router a layer, on the layer's input, 512 wide on a model of 4,096. */
    public static RouterConfig dLlm() {
        return new RouterConfig(Form.NORMED_MLP, Input.LAYER, Norm.NONE, true, 0, true);
    }

    /** With another shape. */
    public RouterConfig withForm(Form other) {
        return new RouterConfig(other, input, norm, bias, hidden, coupled);
    }

    /** Reading another stream. */
    public RouterConfig withInput(Input other) {
        return new RouterConfig(form, other, norm, bias, hidden, coupled);
    }

    /** With another norm. */
    public RouterConfig withNorm(Norm other) {
        return new RouterConfig(form, input, other, bias, hidden, coupled);
    }

    /** With or without bias. */
    public RouterConfig withBias(boolean other) {
        return new RouterConfig(form, input, norm, other, hidden, coupled);
    }

    /** With another hidden width of the MLP forms. */
    public RouterConfig withHidden(int other) {
        return new RouterConfig(form, input, norm, bias, other, coupled);
    }

    /** One router a layer, on the layer's input. */
    public RouterConfig asCoupled() {
        return new RouterConfig(form, Input.LAYER, norm, bias, hidden, true);
    }

    /** Hidden width of the MLP forms for a model of width D. */
    public int hiddenFor(int width) {
        return hidden == 0 ? Math.max(1, width / (form == Form.NORMED_MLP ? 8 : 4)) : hidden;
    }

    /** Numbers in one router for a model of width D. */
    public long parameters(int width) {
        long h = hiddenFor(width);
        if (form == Form.LINEAR) {
            return 2L * width + (bias ? 2 : 0);
        }
        return h * width + 2 * h + (bias ? h + 2 : 0) + (form == Form.NORMED_MLP ? h : 0);
    }
}
