package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.data.PackedTokens;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Observer;
import org.skipgpt.route.Budget;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Temperature;
import org.skipgpt.torch.Torch;

/** Stage 1 on a tiny checkpoint. */
class RouterTuningEngineTest {
    @Test
    void sparsityReachesTheTarget() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            TrainingRun run = tune(golden.model(manager), manager, 0.4, 90);

            assertThat(run.log().recent("sparsity", 30)).isBetween(0.3, 0.5);
            assertThat(run.log().column("temperature")[0]).isEqualTo(5.0);
        }
    }

    @Test
    void sameSeedSameRunAndFrozenWeightsStay() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("qwen3")) {
            LanguageModel model = golden.model(manager);
            List<float[]> before = model.decoder().weights().all().stream()
                    .map(NDArray::toFloatArray)
                    .toList();

            double[] first = tune(model, manager, 0.25, 6).log().column("loss");
            double[] again = tune(model, manager, 0.25, 6).log().column("loss");

            assertThat(again).containsExactly(first);
            List<NDArray> after = model.decoder().weights().all();
            for (int i = 0; i < after.size(); i++) {
                assertThat(Arrays.equals(after.get(i).toFloatArray(), before.get(i)))
                        .isTrue();
            }
        }
    }

    @Test
    void targetOutsideZeroToOneIsRefused() {
        assertThatThrownBy(() -> Budget.of(1.5)).hasMessageContaining("1.5").hasMessageContaining("between 0 and 1");
    }

    private static TrainingRun tune(LanguageModel model, NDManager manager, double target, long steps) {
        LoopConfig loop = LoopConfig.defaults().withSteps(steps).withRate(LearningRate.constant(0.01));
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 1);
        int[] ids = new int[400];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (i * 7 + i / 5) % model.config().vocabulary();
        }
        PackedTokens corpus = PackedTokens.of(ids);
        RouterTuning stage = new RouterTuning(
                manager,
                model,
                routers,
                Budget.of(target),
                Temperature.paper(),
                n -> corpus.random(9, n, 4, 25),
                loop,
                "test");
        return TrainingLoop.run(stage, loop, manager, Observer.silent());
    }
}
