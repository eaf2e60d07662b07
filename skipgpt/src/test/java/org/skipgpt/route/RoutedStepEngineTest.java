package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.torch.Torch;

/** Routers decide about a token that Java computes as about one that the engine does. */
class RoutedStepEngineTest {
    /** fp32 sums in another order. */
    private static final double ROUNDING = 1e-4;

    @ParameterizedTest
    @EnumSource(KvPolicy.class)
    void decisionsAndLogitsAreTheEngines(KvPolicy kv) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            Gate gate = Gate.compile(manager);
            for (RouterConfig config : List.of(
                    RouterConfig.defaults(),
                    RouterConfig.official(),
                    RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS),
                    RouterConfig.defaults().asCoupled())) {
                RoutedPolicy policy = RoutedPolicy.of(gate, Routers.init(manager, dense.config(), config, 5))
                        .withKvPolicy(kv);
                compare(dense.withPolicy(policy), golden.ids(0), config + " " + kv);
            }
        }
    }

    private static void compare(LanguageModel any, int[] ids, String what) {
        LanguageModel routed = any.withStep(DecodingStep.JAVA);
        assertThat(routed.decoding()).startsWith("Java");
        try (Session expected = routed.withStep(DecodingStep.ENGINE).session(1);
                Session grown = routed.session(1)) {
            expected.append(Arrays.copyOf(ids, 4));
            grown.append(Arrays.copyOf(ids, 4));
            for (int t = 4; t < ids.length; t++) {
                float[] theirs = expected.append(new int[] {ids[t]})[0];
                float[] ours = grown.append(new int[] {ids[t]})[0];
                for (int i = 0; i < theirs.length; i++) {
                    assertThat(Math.abs(ours[i] - theirs[i]))
                            .as("%s, token %d, logit %d", what, t, i)
                            .isLessThan((float) ROUNDING);
                }
            }
            assertThat(grown.executionRates()).isEqualTo(expected.executionRates());
            assertThat(Arrays.stream(grown.executionRates()).average().orElse(0))
                    .as(what)
                    .isBetween(0.05, 0.95);
        }
    }
}
