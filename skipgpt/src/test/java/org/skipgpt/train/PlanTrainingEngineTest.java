package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.PackedTokens;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;
import org.skipgpt.weights.WeightLoader;

/** All weights learn around modules that are dropped from the first step on. */
class PlanTrainingEngineTest {
    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(6);

    private static DecoderConfig shape(int layers) {
        return DecoderConfig.llama(24, 32, 48, layers, 4, 2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDeeperModelWithoutALayerLearnsAsTheModelThatNeverHadIt(boolean recompute) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights deep = WeightLoader.random(shape(3), manager, Dtype.FP32, 5);
            LanguageModel dropped = without(model(3, deep), 2, 3);
            float[][] before = numbers(deep.layers().get(1));
            // Drawn again, so that the two share no array.
            DecoderWeights again = WeightLoader.random(shape(3), manager, Dtype.FP32, 5);
            LanguageModel never = model(
                    2,
                    again.withLayers(
                            manager,
                            List.of(again.layers().get(0), again.layers().get(2))));

            TrainingRun first = train(dropped, manager, recompute);
            TrainingRun second = train(never, manager, recompute);

            assertThat(first.log().column("loss")).containsExactly(second.log().column("loss"));
            assertThat(numbers(deep.layers().get(2)))
                    .isDeepEqualTo(numbers(again.layers().get(2)));
            assertThat(numbers(deep.layers().get(1))).isDeepEqualTo(before);
            assertThat(dropped.logits(new int[] {1, 2, 3})).isDeepEqualTo(never.logits(new int[] {1, 2, 3}));
        }
    }

    @Test
    void aSingleModuleThatIsDroppedIsOutOfTheLossAndStaysAsItIs() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(shape(2), manager, Dtype.FP32, 5);
            LanguageModel model = without(model(2, weights), 2);
            LayerWeights layer = weights.layers().get(1);
            float[][] attention = numbers(layer.attention());
            float[][] mlp = numbers(layer.mlp());

            TrainingRun run = train(model, manager, false);
            TrainingRun whole = train(model(2, WeightLoader.random(shape(2), manager, Dtype.FP32, 5)), manager, false);

            assertThat(numbers(layer.attention())).isDeepEqualTo(attention);
            assertThat(numbers(layer.mlp())).isNotEqualTo(mlp);
            assertThat(run.log().column("loss")).isNotEqualTo(whole.log().column("loss"));
        }
    }

    @Test
    void runsAreKnownByWhatIsDroppedAndRoutersAreRefused() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(2, WeightLoader.random(shape(2), manager, Dtype.FP32, 5));
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            LanguageModel routed = model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));

            assertThat(objective(without(model, 2), false).identity().json()).contains("\"without\"");
            assertThat(objective(model, false).identity().json()).doesNotContain("without");
            assertThat(objective(without(model, 2), false).identity().former()).isEmpty();
            assertThatThrownBy(() -> objective(routed, false))
                    .hasMessageContaining("this one is routers")
                    .hasMessageContaining("withPolicy(LayerPolicy.dense())");
        }
    }

    private static LanguageModel model(int layers, DecoderWeights weights) {
        return LanguageModel.dense("tiny", "", Golden.numbers(24), shape(layers), weights);
    }

    private static LanguageModel without(LanguageModel model, int... modules) {
        List<ModuleSite> gone = Arrays.stream(modules).mapToObj(ModuleSite::of).toList();
        return DropPlan.of("test", model.config(), gone, Provenance.of("test")).applyTo(model);
    }

    private static TrainingRun train(LanguageModel model, NDManager manager, boolean recompute) {
        return TrainingLoop.run(objective(model, recompute), LOOP, manager, ProgressObserver.silent());
    }

    private static Objective objective(LanguageModel model, boolean recompute) {
        int[] ids = new int[600];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (i * 5 + i / 7) % 24;
        }
        PackedTokens corpus = PackedTokens.of(ids);
        return new FullTraining(
                model, n -> corpus.random(3, n, 4, 17), List.of(), 1, FullTraining.Precision.FP32, recompute, "test");
    }

    private static float[][] numbers(LayerWeights layer) {
        List<NDArray> all = new ArrayList<>(layer.attention());
        all.addAll(layer.mlp());
        return numbers(all);
    }

    private static float[][] numbers(List<NDArray> arrays) {
        return arrays.stream().map(NDArray::toFloatArray).toArray(float[][]::new);
    }
}
