package org.skipgpt.studies;

import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Cost;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;

/** Operations that a text took, each attention counted with the keys its token sees: what a mean context leaves out. */
final class Operations {
    private static final double RANGE = 12;
    private static final int TRIALS = 14;

    private Operations() {}

    /** Share of a dense pass's operations in modules that a trace saved, keys and values of all tokens made. */
    static double saved(DecoderConfig config, RoutingTrace trace) {
        double saved = 0;
        double all = 0;
        int text = 0;
        for (int row = 0; row < trace.tokens().length; row++) {
            while (row >= trace.starts()[text + 1]) {
                text++;
            }
            int keys = row - trace.starts()[text] + 1;
            for (ModuleRouting module : trace.modules()) {
                boolean attention = module.site().module() == ModuleKind.ATTENTION;
                all += attention ? Cost.attentionFlops(config, keys) : Cost.mlpFlops(config);
                if (!module.executed()[row]) {
                    saved += attention ? Cost.savedAttentionFlops(config, keys) : Cost.mlpFlops(config);
                }
            }
        }
        return saved / all;
    }

    /** Thresholds moved together until texts save a share of the operations; the nearest of some trials. */
    static LanguageModel turned(LanguageModel routed, double share, int[][] texts) {
        RoutedPolicy policy = RoutedPolicy.in(routed.policy()).orElseThrow();
        double low = -RANGE;
        double high = RANGE;
        LanguageModel best = routed;
        double distance = Double.MAX_VALUE;
        for (int trial = 0; trial < TRIALS && distance > 5e-4; trial++) {
            double shift = trial == 0 ? 0 : (low + high) / 2;
            LanguageModel turned = routed.withPolicy(routed.policy()
                    .withCore(policy.withThresholds(policy.thresholds().plus(shift))));
            double saved = saved(routed.config(), RoutingTrace.of(turned, texts));
            if (Math.abs(saved - share) < distance) {
                distance = Math.abs(saved - share);
                best = turned;
            }
            if (saved < share) {
                low = shift;
            } else {
                high = shift;
            }
        }
        return best;
    }
}
