package org.skipgpt.route;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.skipgpt.shape.DecoderConfig;

/**
 * What D-LLM (Jiang and others, 2024) learns towards: a share of layer runs to skip, and over what it is taken.
 *
 * <p>{@code lambda |mean of gates - (1 - target)|}, forced layers among the gates, forced first tokens not.
 *
 * <pre>{@code
 * DLlmForm.of(0.25).withShare(DLlmForm.Share.LAYER)
 * }</pre>
 *
 * @param target share of layer runs to skip, 0..1
 * @param share over what the mean is taken before it is compared
 * @param lambda weight of the penalty; 5 in the authors' code
 * @param temperature of the Gumbel-softmax, above 0; constant 1 in the authors' code
 * @param hidden width of the routers; 0 means an eighth of the model's, which is 512 on a model of 4,096
 * @param firstTokens this many first tokens of a text run every layer
 * @param firstLayers this many first layers run for every token
 */
public record DLlmForm(
        double target, Share share, double lambda, double temperature, int hidden, int firstTokens, int firstLayers) {
    /** What keeps to the target. */
    public enum Share {
        /** Each token over its layers: the authors' code. */
        TOKEN,
        /** Each layer that has a router, over its tokens. */
        LAYER,
        /** All tokens and layers together. */
        TOTAL
    }

    /** Checks every field; all faults are told at once. */
    public DLlmForm {
        List<String> faults = new ArrayList<>();
        if (!(target >= 0 && target < 1)) {
            faults.add("target " + target + " is not a share to skip from 0 up to but not 1; 0.25 means 25 %");
        }
        if (!(lambda >= 0) || Double.isInfinite(lambda)) {
            faults.add("lambda " + lambda + " must be 0 or more; 5 is the authors'");
        }
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            faults.add("temperature " + temperature + " must be above 0; 1 is the authors'");
        }
        if (hidden < 0 || firstTokens < 0 || firstLayers < 0) {
            faults.add("hidden " + hidden + ", first tokens " + firstTokens + " and first layers " + firstLayers
                    + " must be 0 or more");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("D-LLM: " + String.join("; ", faults));
        }
    }

    /** The authors' code, with routers as wide for the model as theirs are for 7B. */
    public static DLlmForm of(double target) {
        return new DLlmForm(target, Share.TOKEN, 5, 1, 0, 2, 2);
    }

    /** The authors' code to the letter: routers 512 wide whatever the model. */
    public static DLlmForm official(double target) {
        return of(target).withHidden(512);
    }

    /** With another mean. */
    public DLlmForm withShare(Share other) {
        return new DLlmForm(target, other, lambda, temperature, hidden, firstTokens, firstLayers);
    }

    /** With another weight of the penalty. */
    public DLlmForm withLambda(double other) {
        return new DLlmForm(target, share, other, temperature, hidden, firstTokens, firstLayers);
    }

    /** At another temperature. */
    public DLlmForm withTemperature(double other) {
        return new DLlmForm(target, share, lambda, other, hidden, firstTokens, firstLayers);
    }

    /** With routers of another width. */
    public DLlmForm withHidden(int other) {
        return new DLlmForm(target, share, lambda, temperature, other, firstTokens, firstLayers);
    }

    /** With other first tokens and layers that always run. */
    public DLlmForm withForced(int tokens, int layers) {
        return new DLlmForm(target, share, lambda, temperature, hidden, tokens, layers);
    }

    /** Its routers. */
    public RouterConfig router() {
        return RouterConfig.dLlm().withHidden(hidden);
    }

    /**
     * What runs whatever its router says.
     *
     * @throws IllegalArgumentException if the target cannot be met beside it
     */
    public ForcedExecution forced(DecoderConfig model) {
        int routed = model.layers() - firstLayers;
        if (routed < 1 || target * model.layers() > routed) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "D-LLM: a target of %.1f %% cannot be met where the first %d of %d layers always run; use"
                            + " withForced(tokens, layers)",
                    100 * target,
                    firstLayers,
                    model.layers()));
        }
        Set<Integer> layers =
                new TreeSet<>(IntStream.range(0, firstLayers).boxed().toList());
        return new ForcedExecution(firstTokens, layers);
    }
}
