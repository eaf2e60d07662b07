package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.Placement;
import org.skipgpt.weights.WeightReads;

/** Routers over layers that stay in the file learn what they learn over layers in memory. */
class StreamedTuningEngineTest {
    private static final int STEPS = 3;
    private static final LoopConfig LOOP =
            TuningOptions.practical().loop().withSteps(STEPS).withAccumulation(2);

    private static RouterTuningConfig config() {
        return RouterTuningConfig.paper(.25).withRecompute(true);
    }

    private record Learned(double[] losses, List<float[]> routers) {}

    private static Learned tuned(LanguageModel model, NDManager manager, Golden golden, RouterTuningConfig config) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        try (RouterTuning tuning = RouterTuning.of(
                model,
                routers,
                Gate.compile(manager),
                config,
                LOOP,
                n -> new int[][] {golden.ids((int) (n % 2))},
                "ids")) {
            double[] losses = TrainingLoop.run(tuning, LOOP, manager, ProgressObserver.silent())
                    .log()
                    .column("loss");
            return new Learned(
                    losses,
                    routers.parameters().stream().map(p -> p.toFloatArray()).toList());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void routersLearnTheSameBitForBit(boolean sparse) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            RouterTuningConfig config = config().withSparseBackward(sparse);
            Learned held = tuned(golden.model(manager), manager, golden, config);
            Placement placement = golden.placement(Dtype.FP32, "streamed");
            LanguageModel model = golden.placed(manager, Dtype.FP32, "streamed");

            Learned streamed = tuned(model, manager, golden, config);

            assertThat(streamed.losses()).hasSize(STEPS).isEqualTo(held.losses());
            for (int i = 0; i < held.routers().size(); i++) {
                assertThat(streamed.routers().get(i)).isEqualTo(held.routers().get(i));
            }
            // forward, then once more layer by layer; no module for nothing
            WeightReads reads = model.reads().orElseThrow();
            assertThat(reads.bytes()).isEqualTo(2L * STEPS * LOOP.accumulation() * placement.bytesOfAPass());
        }
    }

    @Test
    void theGraphOfAWholePassIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.placed(manager, Dtype.FP32, "streamed");

            assertThatThrownBy(() -> tuned(model, manager, golden, config().withRecompute(false)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("withRecompute(true)");
        }
    }
}
