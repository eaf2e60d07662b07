package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/**
 * Skips a given share of tokens by a seeded pattern, without looking at them: for measurements and tests.
 *
 * <p>A decision depends on the seed, the module, the position and the token alone, so that a cached pass decides as a
 * whole one.
 *
 * @param skipAttention share of attention executions left out, 0..1
 * @param skipMlp share of MLP executions left out, 0..1
 * @param pattern how skipped tokens lie
 * @param kvPolicy which keys and values skipped tokens have
 * @param layers layers of the model
 * @param seed of the pattern
 */
public record ForcedPolicy(
        double skipAttention, double skipMlp, Pattern pattern, KvPolicy kvPolicy, int layers, long seed)
        implements LayerPolicy {
    /** How skipped tokens lie. */
    public enum Pattern {
        /** Each token of each module by itself. */
        UNIFORM,
        /** Runs of 32 neighbouring positions together. */
        CLUSTERED,
        /** Whole modules for all tokens, as if they were not there: they have no keys and values either. */
        BY_LAYER
    }

    private static final int CLUSTER = 32;

    /** Checks the shares. */
    public ForcedPolicy {
        for (double share : new double[] {skipAttention, skipMlp}) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("share " + share + " to skip is not allowed: expected 0..1");
            }
        }
    }

    /** The same share of both kinds of module, tokens one by one. */
    public static ForcedPolicy uniform(double share, int layers, long seed) {
        return new ForcedPolicy(share, share, Pattern.UNIFORM, KvPolicy.KEEP, layers, seed);
    }

    /** The same with another pattern. */
    public ForcedPolicy withPattern(Pattern other) {
        return new ForcedPolicy(skipAttention, skipMlp, other, kvPolicy, layers, seed);
    }

    /** The same with another K/V policy. */
    public ForcedPolicy withKvPolicy(KvPolicy other) {
        return new ForcedPolicy(skipAttention, skipMlp, pattern, other, layers, seed);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        if (pattern == Pattern.BY_LAYER) {
            return isDropped(site) ? Decision.none() : Decision.all();
        }
        float[] gate = new float[rows.size()];
        int open = 0;
        for (int row = 0; row < gate.length; row++) {
            boolean executes = executes(site, rows.tokens()[row], rows.at()[row]);
            gate[row] = executes ? 1 : 0;
            open += executes ? 1 : 0;
        }
        if (open == 0) {
            return Decision.none();
        }
        return open == gate.length ? Decision.all() : Decision.gated(residual.getManager(), gate);
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return Optional.of((site, residual, layerInput, token, position) -> {
            boolean open = pattern == Pattern.BY_LAYER ? !isDropped(site) : executes(site, token, position);
            return open ? 1 : 0;
        });
    }

    private boolean executes(ModuleSite site, int token, int position) {
        long key = pattern == Pattern.CLUSTERED ? position / CLUSTER : 100_003L * token + position;
        return draw(site.index(), key) >= share(site);
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return pattern == Pattern.BY_LAYER && skipsLayer(site, share(site));
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return pattern == Pattern.BY_LAYER;
    }

    private double share(ModuleSite site) {
        return site.module() == ModuleKind.ATTENTION ? skipAttention : skipMlp;
    }

    // The share of layers nearest to the wanted one, spread by the seed.
    private boolean skipsLayer(ModuleSite site, double share) {
        int rank = 0;
        double own = draw(site.index(), -1);
        for (int layer = 0; layer < layers; layer++) {
            double other = draw(new ModuleSite(layer, site.module()).index(), -1);
            rank += other < own || (other == own && layer < site.layer()) ? 1 : 0;
        }
        return rank < Math.round(share * layers);
    }

    // SplitMix64's finaliser (Steele, Lea, Flood, 2014) over the key: a number in [0, 1).
    private double draw(int site, long key) {
        long z = seed + 0x9E3779B97F4A7C15L * (site + 1) + 0xD1B54A32D192ED03L * (key + 2);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
    }

    @Override
    public Identity identity() {
        return Identity.of("forced", this);
    }

    @Override
    public String describe() {
        return String.format(
                Locale.ROOT,
                "forced %.0f %% of attention and %.0f %% of MLP, %s",
                100 * skipAttention,
                100 * skipMlp,
                pattern.name().toLowerCase(Locale.ROOT).replace('_', ' '));
    }
}
