package org.skipgpt.route;

import java.util.Locale;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.report.Report;
import org.skipgpt.shape.DecoderConfig;

/**
 * What given skip rates save, in every way it is counted in the field.
 *
 * @param attention s_a, share of attention runs skipped
 * @param mlp s_m, share of MLP runs skipped
 * @param modules r, share of module runs skipped: (s_a + s_m) / 2
 * @param paramsOfBlocks the paper's ratio: (s_a P_a + s_m P_m) / (P_a + P_m)
 * @param paramsOfAll the same over all weights, embedding and head included
 * @param flops share of floating-point operations saved a token at the context, head included
 * @param context keys an attention sees
 * @param idle share of the blocks' weights no token touches under the K/V policy, averaged over tokens
 * @param kv the K/V policy
 * @param cacheBytes bytes of keys and values a token leaves; for DEFERRED the most it can leave
 * @param routerParameters numbers in all routers
 * @param routerFlops share of a dense token's operations that the routers add
 * @param skipParameters numbers in all approximators, through which rows go that skip
 * @param skipFlops share of a dense token's operations that those rows take there; taken off what {@code flops} saves
 */
public record Cost(
        double attention,
        double mlp,
        double modules,
        double paramsOfBlocks,
        double paramsOfAll,
        double flops,
        int context,
        double idle,
        KvPolicy kv,
        double cacheBytes,
        long routerParameters,
        double routerFlops,
        long skipParameters,
        double skipFlops)
        implements Report {

    /**
     * Counts, for a model with routers.
     *
     * @param attention s_a, 0..1
     * @param mlp s_m, 0..1
     * @param context keys an attention sees
     * @param elementBytes bytes of a cached number
     */
    public static Cost of(
            DecoderConfig model,
            RouterConfig router,
            KvPolicy kv,
            double attention,
            double mlp,
            int context,
            int elementBytes) {
        long routers = router.parameters(model.width()) * model.layers() * (router.coupled() ? 1 : 2);
        return of(model, routers, kv, attention, mlp, context, elementBytes);
    }

    /**
     * The same for any policy.
     *
     * @param routers numbers that decide, in all
     */
    static Cost of(
            DecoderConfig model,
            long routers,
            KvPolicy kv,
            double attention,
            double mlp,
            int context,
            int elementBytes) {
        double pa = model.attentionParameters();
        double pm = model.mlpParameters();
        boolean evicted = kv == KvPolicy.EXECUTED;
        // Keys and values of a skipped token are still projected unless they are evicted.
        double idleAttention = evicted ? pa : pa - keyValueParameters(model);
        double savedAttention = evicted ? attentionFlops(model, context) : savedAttentionFlops(model, context);
        double dense = model.layers() * (attentionFlops(model, context) + mlpFlops(model))
                + 2.0 * model.vocabulary() * model.width();
        double cache = 2.0 * mean(model, model::kvWidth) * model.layers() * elementBytes;
        return new Cost(
                attention,
                mlp,
                (attention + mlp) / 2,
                (attention * pa + mlp * pm) / (pa + pm),
                model.layers() * (attention * pa + mlp * pm) / model.parameters(),
                model.layers() * (attention * savedAttention + mlp * mlpFlops(model)) / dense,
                context,
                (attention * idleAttention + mlp * pm) / (pa + pm),
                kv,
                evicted ? cache * (1 - attention) : cache,
                routers,
                2.0 * routers / dense,
                0,
                0);
    }

    /** The same where rows that skip are multiplied with something instead. */
    Cost withSkipping(DecoderConfig model, long parameters, double numbersRead) {
        double dense = model.layers() * (attentionFlops(model, context) + mlpFlops(model))
                + 2.0 * model.vocabulary() * model.width();
        double share = 2 * numbersRead / dense;
        return new Cost(
                attention,
                mlp,
                modules,
                paramsOfBlocks,
                paramsOfAll,
                flops - share,
                context,
                idle,
                kv,
                cacheBytes,
                routerParameters,
                routerFlops,
                parameters,
                share);
    }

    /** Operations of one attention module for one token that sees so many keys: 2 P_a + 4 H E context; the mean where layers differ. */
    public static double attentionFlops(DecoderConfig model, int context) {
        return 2.0 * model.attentionParameters() + 4.0 * mean(model, model::queryWidth) * context;
    }

    /** What a token that skips it saves of them: query, output, scores and weighted sum; the keys and values of a skipped token are still made. */
    public static double savedAttentionFlops(DecoderConfig model, int context) {
        return attentionFlops(model, context) - 2.0 * keyValueParameters(model);
    }

    private static double keyValueParameters(DecoderConfig model) {
        return mean(model, layer -> 2 * model.layer(layer).width() * model.kvWidth(layer));
    }

    // Where layers differ, a module of the mean layer.
    private static double mean(DecoderConfig model, IntUnaryOperator ofLayer) {
        return IntStream.range(0, model.layers()).map(ofLayer).average().orElse(0);
    }

    /** Operations of one MLP module for one token: 2 P_m. */
    public static double mlpFlops(DecoderConfig model) {
        return 2.0 * model.mlpParameters();
    }

    @Override
    public String text() {
        return String.format(
                        Locale.ROOT,
                        "skipped: attention %.1f %%, mlp %.1f %%, modules %.1f %%%n"
                                + "parameters skipped: %.1f %% of blocks, %.1f %% of all weights%n"
                                + "operations saved at context %d: %.1f %%%n"
                                + "weights idle with K/V %s: %.1f %% of blocks%n"
                                + "cache: %.0f bytes a token%s%n"
                                + "routers: %d parameters, %.3f %% of a dense token's operations",
                        100 * attention,
                        100 * mlp,
                        100 * modules,
                        100 * paramsOfBlocks,
                        100 * paramsOfAll,
                        context,
                        100 * flops,
                        kv.name().toLowerCase(Locale.ROOT),
                        100 * idle,
                        cacheBytes,
                        kv == KvPolicy.DEFERRED ? " at most" : "",
                        routerParameters,
                        100 * routerFlops)
                .concat(skipParameters == 0 ? "" : approximators())
                .replace("\r", "");
    }

    private String approximators() {
        return String.format(
                Locale.ROOT,
                "%napproximators: %d parameters, %.3f %% of a dense token's operations, taken off what is saved",
                skipParameters,
                100 * skipFlops);
    }

    @Override
    public String toString() {
        return text();
    }
}
