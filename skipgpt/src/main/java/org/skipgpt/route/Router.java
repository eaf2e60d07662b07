package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;

/**
 * One router: two logits a row, skip and execute.
 *
 * <p>{@code z = W u + b}, or {@code z = W2 relu(W1 u + b1) + b2} (SkipGPT, 2025, Eq. 3), or {@code z = W2 silu(rms(W1 u + b1)) + b2}
 * (D-LLM, 2024).
 *
 * @param config its form
 * @param key name in a checkpoint, e.g. {@code layers.0.attention}
 * @param parameters fp32: W (2, D), b (2); or W1 (K, D), b1 (K), W2 (2, K), b2 (2), with the norm's
 *     weights (K) before W2 in D-LLM's form; biases only where the form has them
 */
public record Router(RouterConfig config, String key, List<NDArray> parameters) {
    /** End of the name of a norm's weights. */
    static final String NORM = ".hidden.norm";

    /** Copies the list. */
    public Router {
        parameters = List.copyOf(parameters);
    }

    /** The names of the parameters, in order. */
    public List<String> names() {
        return names(config, key);
    }

    static List<String> names(RouterConfig config, String key) {
        if (config.form() == RouterConfig.Form.LINEAR) {
            return config.bias() ? List.of(key + ".weight", key + ".bias") : List.of(key + ".weight");
        }
        List<String> names = new ArrayList<>(List.of(key + ".hidden.weight"));
        if (config.bias()) {
            names.add(key + ".hidden.bias");
        }
        if (config.form() == RouterConfig.Form.NORMED_MLP) {
            names.add(key + NORM);
        }
        names.add(key + ".output.weight");
        if (config.bias()) {
            names.add(key + ".output.bias");
        }
        return names;
    }

    static List<long[]> shapes(RouterConfig config, int width) {
        if (config.form() == RouterConfig.Form.LINEAR) {
            return config.bias() ? List.of(new long[] {2, width}, new long[] {2}) : List.of(new long[][] {{2, width}});
        }
        long k = config.hiddenFor(width);
        List<long[]> shapes = new ArrayList<>();
        for (String name : names(config, "")) {
            boolean matrix = name.endsWith(".weight");
            if (name.startsWith(".hidden.")) {
                shapes.add(matrix ? new long[] {k, width} : new long[] {k});
            } else {
                shapes.add(matrix ? new long[] {2, k} : new long[] {2});
            }
        }
        return shapes;
    }
}
