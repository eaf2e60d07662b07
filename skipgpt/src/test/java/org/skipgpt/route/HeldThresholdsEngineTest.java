package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

/** Thresholds that were turned go into biases, where learning goes on from. */
class HeldThresholdsEngineTest {
    static Stream<RouterConfig> forms() {
        return Stream.of(
                RouterConfig.defaults(),
                RouterConfig.official().withNorm(RouterConfig.Norm.RMS),
                RouterConfig.defaults().asCoupled(),
                RouterConfig.dLlm());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void theLikelierChoiceIsWhatTheThresholdsChose(RouterConfig form) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            Gate gate = Gate.compile(manager);
            Routers routers = Routers.init(manager, dense.config(), form, 3);
            Thresholds turned = new Thresholds(IntStream.range(0, dense.config().modules())
                    .mapToDouble(i -> i % 4 < 2 ? 1.5 : -1)
                    .toArray());
            RoutedPolicy policy = RoutedPolicy.of(gate, routers);

            float[][] byThresholds = logits(dense, policy.withThresholds(turned), golden);
            float[][] byBiases = logits(dense, RoutedPolicy.of(gate, routers.holding(turned, manager)), golden);

            assertThat(byBiases).isDeepEqualTo(byThresholds);
            assertThat(Arrays.deepEquals(logits(dense, policy, golden), byThresholds))
                    .isFalse();
        }
    }

    private static float[][] logits(LanguageModel dense, RoutedPolicy policy, Golden golden) {
        return dense.withPolicy(policy).logits(golden.ids(0))[0];
    }

    @Test
    void tuningGoesOnWhereTheDialStands() {
        LanguageModel dense = SkipGpt.load("world");
        List<String> documents = SkipGpt.worldTexts(40, 100);
        TuningOptions options = TuningOptions.practical()
                .withDenseStart()
                .withSteps(1)
                .withRouterRate(LearningRate.constant(1e-9))
                .withHeldOut(4)
                .withKeptShare(false);
        LanguageModel tuned = Tuning.routers(dense, 0.25, documents, options, ProgressObserver.silent())
                .model();
        LanguageModel turned = SkipGpt.budgetDial(tuned, Budget.Kind.PARAMS, documents.subList(0, 10), 0.4)
                .set(tuned, 0.4);

        LanguageModel gone = Tuning.routers(turned, 0.4, documents, options, ProgressObserver.silent())
                .model();

        assertThat(executed(gone, documents)).isEqualTo(executed(turned, documents));
        assertThat(executed(tuned, documents)).isNotEqualTo(executed(turned, documents));
    }

    private static List<Double> executed(LanguageModel model, List<String> documents) {
        return SkipGpt.trace(model, documents.subList(0, 1)).modules().stream()
                .map(ModuleRouting::executedShare)
                .toList();
    }

    @Test
    void whatNoBiasHoldsIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            DecoderConfig shape = golden.model(manager).config();
            Routers bare = Routers.init(manager, shape, RouterConfig.defaults().withBias(false), 1);
            Routers biased = Routers.init(manager, shape, RouterConfig.defaults(), 1);

            assertThat(bare.holding(Thresholds.argmax(), manager).hash()).isEqualTo(bare.hash());
            assertThatThrownBy(() -> bare.holding(Thresholds.of(0.4), manager)).hasMessageContaining("withBias(true)");
            assertThatThrownBy(() -> biased.holding(Thresholds.of(1), manager)).hasMessageContaining("0 and 1");
        }
    }
}
