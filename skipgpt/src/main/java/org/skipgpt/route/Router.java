package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * One router: two logits a row, skip and execute.
 *
 * <p>{@code z = W u + b}, or {@code z = W2 relu(W1 u + b1) + b2} (SkipGPT, 2025, Eq. 3).
 *
 * @param config its form
 * @param key name in a checkpoint, e.g. {@code layers.0.attention}
 * @param parameters fp32: W (2, D), b (2); or W1 (K, D), b1 (K), W2 (2, K), b2 (2); biases only where the form has them
 */
public record Router(RouterConfig config, String key, List<NDArray> parameters) {
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
        return config.bias()
                ? List.of(key + ".hidden.weight", key + ".hidden.bias", key + ".output.weight", key + ".output.bias")
                : List.of(key + ".hidden.weight", key + ".output.weight");
    }

    static List<long[]> shapes(RouterConfig config, int width) {
        if (config.form() == RouterConfig.Form.LINEAR) {
            return config.bias() ? List.of(new long[] {2, width}, new long[] {2}) : List.of(new long[][] {{2, width}});
        }
        long k = config.hiddenFor(width);
        return config.bias()
                ? List.of(new long[] {k, width}, new long[] {k}, new long[] {2, k}, new long[] {2})
                : List.of(new long[] {k, width}, new long[] {2, k});
    }
}
