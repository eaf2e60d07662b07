package org.skipgpt.bench;

import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * How much faster skipping could make a model if nothing but its arithmetic or its memory traffic cost time.
 *
 * <p>Prefill counts floating point operations a token and layer, with q = 4 D HE, k = 4 D GE, m = 6 D F, c = 2 HE T:
 * dense q + k + m + c; KEEP e_a (q + c) + k + e_m m, where e is the share that executes and k falls away with a layer
 * nobody attends in; EXECUTED e_a (q + k) + e_a^2 c + e_m m. Decoding counts bytes read a token; there k falls away
 * with a dropped layer only, since a later token may attend in any other.
 */
public final class SpeedIdeal {
    private final DecoderConfig config;
    private final LayerPolicy policy;
    private final KvPolicy kv;
    private final double bytesPerWeight;
    private final int bytesPerKey;
    private final double[] rates;

    /**
     * Ideals for realised rates.
     *
     * @param policy its K/V policy and what it drops
     * @param bytesPerWeight of a matrix's numbers
     * @param bytesPerKey of a key's or value's numbers in the cache
     * @param rates share of tokens that executed each module, 2L
     */
    public SpeedIdeal(
            DecoderConfig config, LayerPolicy policy, double bytesPerWeight, int bytesPerKey, double[] rates) {
        this.config = config;
        this.policy = policy;
        this.kv = policy.kvPolicy();
        this.bytesPerWeight = bytesPerWeight;
        this.bytesPerKey = bytesPerKey;
        this.rates = rates.clone();
    }

    /**
     * Ideals for rates that a model realised.
     *
     * @param rates share of tokens that executed each module, 2L in forward order
     */
    public static SpeedIdeal of(LanguageModel model, double[] rates) {
        return new SpeedIdeal(model.config(), model.policy(), model.dtype().bytes(), model.cacheNumberBytes(), rates);
    }

    /** Dense over skipping operations, the output head on one row a sequence left out; infinite where nothing executes. */
    public double prefill(int length) {
        double dense = 0;
        double skipping = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            int window = config.windows().get(layer);
            double k = 4.0 * config.layer(layer).width() * config.kvWidth(layer);
            double q = 2.0 * config.parameters(new ModuleSite(layer, ModuleKind.ATTENTION)) - k;
            double m = 2.0 * config.parameters(new ModuleSite(layer, ModuleKind.MLP));
            double c = 2.0 * config.queryWidth(layer) * (window == 0 ? length : Math.min(length, 2.0 * window));
            double a = rates[2 * layer];
            dense += q + k + m + c;
            skipping += rates[2 * layer + 1] * m;
            skipping += kv == KvPolicy.EXECUTED ? a * (q + k) + a * a * c : a * (q + c) + (a > 0 ? k : 0);
        }
        return dense / skipping;
    }

    /**
     * Dense over skipping bytes of weights, keys and values a step of B sequences. A module's weights are read if any
     * of them executes it, which at rate a has probability 1 - (1 - a)^B where they decide independently.
     *
     * @param batch sequences B
     * @param context tokens of each in the cache
     */
    public double decode(int batch, int context) {
        double head = (double) config.vocabulary() * config.width() * bytesPerWeight;
        double dense = head;
        double skipping = head;
        for (int layer = 0; layer < config.layers(); layer++) {
            double cached = 2.0 * batch * config.kvWidth(layer) * context * bytesPerKey;
            double keyValue = 2.0 * config.layer(layer).width() * config.kvWidth(layer) * bytesPerWeight;
            double attention = (double) config.parameters(new ModuleSite(layer, ModuleKind.ATTENTION)) * bytesPerWeight;
            double mlp = (double) config.parameters(new ModuleSite(layer, ModuleKind.MLP)) * bytesPerWeight;
            double a = rates[2 * layer];
            double anyAttends = any(a, batch);
            double keys = kv == KvPolicy.EXECUTED ? a * cached : cached;
            dense += attention + mlp + cached;
            skipping += anyAttends * attention + a * keys + any(rates[2 * layer + 1], batch) * mlp;
            boolean dropped = policy.isDropped(new ModuleSite(layer, ModuleKind.ATTENTION));
            skipping += kv == KvPolicy.KEEP && !dropped ? (1 - anyAttends) * keyValue : 0;
        }
        return dense / skipping;
    }

    private static double any(double rate, int batch) {
        return 1 - Math.pow(1 - rate, batch);
    }
}
