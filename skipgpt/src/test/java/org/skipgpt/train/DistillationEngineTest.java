package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Torch;

/** The part of the loss that follows the dense model, and where routers begin. */
class DistillationEngineTest {
    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(2);

    @Test
    void theLossIsTheDivergenceFromTheDenseModel() {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            Gate gate = Gate.compile(manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            RouterTuningConfig quiet = RouterTuningConfig.paper(.25).withDistill(1);
            // without noise the gates are those of the routed model
            Map<String, Double> row =
                    step(RouterTuning.of(model, routers, gate, withoutNoise(quiet), LOOP, batches, "ids"), manager);

            LanguageModel routed =
                    model.withPolicy(RoutedPolicy.of(gate, routers)).masked();
            int[][] inputs = LanguageLoss.inputs(batches.batch(0));
            double divergence = divergence(model.logits(inputs), routed.logits(inputs));
            assertThat(divergence).isGreaterThan(.01);
            assertThat(value(row, "KL to dense")).isCloseTo(divergence, within(1e-4));
            assertThat(value(row, "loss") - value(row, "penalty")).isCloseTo(divergence, within(1e-4));

            Map<String, Double> half = step(
                    RouterTuning.of(model, routers, gate, withoutNoise(quiet).withDistill(.5), LOOP, batches, "ids"),
                    manager);
            assertThat(value(half, "loss") - value(half, "penalty"))
                    .isCloseTo((divergence + value(half, "LM loss")) / 2, within(1e-4));
        }
    }

    @Test
    void whereNothingIsSkippedNothingIsToBeLearned() {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            RouterStart far = RouterStart.executing().withMargin(50);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), far, 5);
            RouterTuning tuning = RouterTuning.of(
                    model,
                    routers,
                    Gate.compile(manager),
                    RouterTuningConfig.paper(.25).withDistill(1),
                    LOOP,
                    n -> new int[][] {golden.ids(0)},
                    "ids");
            Map<String, Double> row = step(tuning, manager);
            assertThat(value(row, "r")).isZero();
            assertThat(value(row, "KL to dense")).isCloseTo(0, within(1e-5));
        }
    }

    @Test
    void aContinuedRunFindsTheControllersSumAgain(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            double[] whole = practicalRun(model, manager, golden, folder.resolve("whole"), 0);
            practicalRun(model, manager, golden, folder.resolve("parts"), 3);
            double[] parts = practicalRun(model, manager, golden, folder.resolve("parts"), 0);

            assertThat(parts).hasSize(6).isEqualTo(whole);
        }
    }

    /** Losses of six steps; interrupted after some where {@code stop} is above 0. */
    private static double[] practicalRun(
            LanguageModel model, NDManager manager, Golden golden, Path folder, long stop) {
        TuningOptions practical = TuningOptions.practical().withDenseStart();
        LoopConfig loop = practical.loop().withSteps(6).withAccumulation(2).withCheckpoints(folder, 1);
        Routers routers = Routers.init(manager, model.config(), practical.router(), practical.start(), 5);
        try (RouterTuning tuning = RouterTuning.of(
                model,
                routers,
                Gate.compile(manager),
                practical.routing(),
                loop,
                n -> new int[][] {golden.ids((int) (n % 2))},
                "ids")) {
            TrainingRun run = TrainingLoop.run(tuning, loop, manager, progress -> {
                if (progress.done() == stop) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThat(Thread.interrupted()).isEqualTo(stop > 0);
            return run.log().column("loss");
        }
    }

    @Test
    void aMarginNeedsABias() {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            RouterConfig plain = RouterConfig.defaults().withBias(false);
            assertThatThrownBy(() ->
                            Routers.init(manager, golden.model(manager).config(), plain, RouterStart.executing(), 5))
                    .hasMessageContaining("withBias(true)");
        }
        assertThatThrownBy(() -> new RouterStart(-1, 1)).hasMessageContaining("margin -1.0");
    }

    private static double value(Map<String, Double> row, String column) {
        return java.util.Objects.requireNonNull(row.get(column), column);
    }

    private static RouterTuningConfig withoutNoise(RouterTuningConfig config) {
        return config.withNoise(0, 0);
    }

    private static Map<String, Double> step(RouterTuning tuning, NDManager manager) {
        try (tuning;
                NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            return tuning.backward(scope, 0, 0, 1);
        }
    }

    private static double divergence(float[][][] dense, float[][][] skipping) {
        double sum = 0;
        int rows = 0;
        for (int s = 0; s < dense.length; s++) {
            for (int t = 0; t < dense[s].length; t++) {
                double[] p = logSoftmax(dense[s][t]);
                double[] q = logSoftmax(skipping[s][t]);
                for (int v = 0; v < p.length; v++) {
                    sum += Math.exp(p[v]) * (p[v] - q[v]);
                }
                rows++;
            }
        }
        return sum / rows;
    }

    private static double[] logSoftmax(float[] logits) {
        double most = Float.NEGATIVE_INFINITY;
        for (float z : logits) {
            most = Math.max(most, z);
        }
        double sum = 0;
        for (float z : logits) {
            sum += Math.exp(z - most);
        }
        double[] out = new double[logits.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = logits[i] - most - Math.log(sum);
        }
        return out;
    }
}
