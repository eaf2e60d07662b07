package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Tuning on tiny checkpoints: sparse, recomputed and plain gradients agree; runs repeat. */
class TuningEngineTest {
    /** fp32 sums in another order. */
    private static final double GRADIENT = 1e-5;

    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(4);

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void sparseAndRecomputedRouterGradientsEqualAutograd(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            RouterTuningConfig plain = RouterTuningConfig.paper(.25).withSparseBackward(false);
            List<float[]> reference = routerGradients(model, manager, plain, batches);

            assertThat(worst(routerGradients(model, manager, plain.withSparseBackward(true), batches), reference))
                    .as("sparse")
                    .isLessThan(GRADIENT);
            assertThat(worst(routerGradients(model, manager, plain.withRecompute(true), batches), reference))
                    .as("recomputed")
                    .isLessThan(GRADIENT);
            RouterTuningConfig both = plain.withSparseBackward(true).withRecompute(true);
            assertThat(worst(routerGradients(model, manager, both, batches), reference))
                    .as("both")
                    .isLessThan(GRADIENT);
        }
    }

    @Test
    void recomputingKeepsNothingOfALayerThatIsDone() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            assertThat(arraysLeft(manager, 6)).isEqualTo(arraysLeft(manager, 2));
        }
    }

    private static int arraysLeft(NDManager manager, int layers) {
        DecoderConfig shape = DecoderConfig.llama(64, 32, 64, layers, 4, 2);
        LanguageModel model = LanguageModel.dense(
                "deep", "", Golden.numbers(64), shape, WeightLoader.random(shape, manager, Dtype.FP32, 3));
        RouterTuningConfig config = RouterTuningConfig.paper(.25).withRecompute(true);
        Routers routers = Routers.init(manager, shape, RouterConfig.defaults(), 5);
        Batches batches = n -> new int[][] {{1, 2, 3, 4, 5}, {6, 7, 8}};
        Objective objective = RouterTuning.of(model, routers, Gate.compile(manager), config, LOOP, batches, "ids");
        try (NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            objective.backward(scope, 1, 0, 1);
            return scope.getManagedArrays().size();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma2"})
    void loraGradientsArePlainAutogradsWithAndWithoutRecomputation(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel adapted = adapted(golden.model(manager), manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            LoraConfig config = LoraConfig.defaults().withRank(3).withDropout(.1);

            List<float[]> whole = loraGradients(adapted, config, batches, false);

            assertThat(worst(loraGradients(adapted, config, batches, true), whole))
                    .isLessThan(GRADIENT);
            assertThat(whole.stream().anyMatch(g -> g[0] != 0)).isTrue();
        }
    }

    @Test
    void sameSeedSameRunAndTheRateMovesToTheTarget() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            LoopConfig loop = LOOP.withSteps(60).withRate(LearningRate.constant(2e-2));
            List<TrainingRun> runs = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Gate gate = Gate.compile(manager);
                Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
                RouterTuning tuning =
                        RouterTuning.of(model, routers, gate, RouterTuningConfig.paper(.25), loop, batches, "ids");
                runs.add(TrainingLoop.run(tuning, loop, manager, ProgressObserver.silent()));
            }
            assertThat(runs.get(0).log().column("loss"))
                    .isEqualTo(runs.get(1).log().column("loss"));
            assertThat(runs.get(0).log().column("tau")[0]).isEqualTo(5);
            assertThat(runs.get(0).log().recent("r", 10)).isCloseTo(.25, within(.1));
        }
    }

    @Test
    void stageTwoLowersTheLossAndLeavesRoutersAlone() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel adapted = adapted(golden.model(manager), manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            LoopConfig loop = LOOP.withSteps(20).withRate(LearningRate.constant(1e-2));
            float[] before = ((RoutedPolicy) adapted.policy())
                    .routers()
                    .parameters()
                    .get(0)
                    .toFloatArray();

            LoraTuning tuning = new LoraTuning(
                    adapted, LoraConfig.defaults().withRank(3).withDropout(0), loop, batches, false, "ids");
            double[] loss = TrainingLoop.run(tuning, loop, manager, ProgressObserver.silent())
                    .log()
                    .column("loss");

            assertThat(loss[loss.length - 1]).isLessThan(loss[0] - 0.05);
            assertThat(((RoutedPolicy) adapted.policy())
                            .routers()
                            .parameters()
                            .get(0)
                            .toFloatArray())
                    .isEqualTo(before);
        }
    }

    @Test
    void badInputIsToldAndNothingRuns() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            RouterTuningConfig config = RouterTuningConfig.paper(.25);
            RouterTuning one = RouterTuning.of(model, routers, gate, config, LOOP, n -> new int[][] {{1}}, "one token");

            assertThatThrownBy(() -> TrainingLoop.run(one, LOOP, manager, ProgressObserver.silent()))
                    .hasMessageContaining("at least two");
            assertThatThrownBy(() -> RouterTuning.joint(
                            model, routers, gate, config, LOOP, n -> new int[0][], "", 1, model.decoder()))
                    .hasMessageContaining("withAdapter");
            assertThatThrownBy(() -> config.withRho(0)).hasMessageContaining("rho");
        }
    }

    private static LanguageModel adapted(LanguageModel model, NDManager manager) {
        LoraConfig config = LoraConfig.defaults().withRank(3);
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        return model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers))
                .withAdapter(Lora.init(manager, model.config(), config, 7));
    }

    private static List<float[]> routerGradients(
            LanguageModel model, NDManager manager, RouterTuningConfig config, Batches batches) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        return gradients(RouterTuning.of(model, routers, Gate.compile(manager), config, LOOP, batches, "ids"), manager);
    }

    private static List<float[]> loraGradients(
            LanguageModel model, LoraConfig config, Batches batches, boolean recompute) {
        return gradients(new LoraTuning(model, config, LOOP, batches, recompute, "ids"), model.scope());
    }

    private static List<float[]> gradients(Objective objective, NDManager manager) {
        try (NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            Map<String, Double> row = objective.backward(scope, 1, 0, 1);
            assertThat(row.get("loss")).isFinite();
            List<float[]> out = new ArrayList<>();
            for (NDArray p : objective.parameters().values()) {
                out.add(Gradients.of(p).toFloatArray());
                Gradients.clear(p);
            }
            return out;
        }
    }

    /** Largest relative error over the parameters, in norms. */
    private static double worst(List<float[]> own, List<float[]> reference) {
        double worst = 0;
        for (int i = 0; i < own.size(); i++) {
            double difference = 0;
            double size = 0;
            for (int j = 0; j < own.get(i).length; j++) {
                difference += Math.pow((double) own.get(i)[j] - reference.get(i)[j], 2);
                size += Math.pow(reference.get(i)[j], 2);
            }
            worst = Math.max(worst, Math.sqrt(difference / Math.max(size, 1e-20)));
        }
        return worst;
    }
}
