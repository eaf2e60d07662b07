package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Gate;
import org.skipgpt.route.LearningPolicy;
import org.skipgpt.route.Noise;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** Routers that learn to serve a range of shares. */
class RangeOfSharesEngineTest {
    @Test
    void stepsAskForSharesThatFillTheRangeEvenly() {
        TargetSchedule range = TargetSchedule.range(0.1, 0.5);

        double[] asked = LongStream.range(0, 100)
                .mapToDouble(step -> range.at(0.25, step, 100))
                .sorted()
                .toArray();

        assertThat(asked[0]).isBetween(0.1, 0.11);
        assertThat(asked[99]).isBetween(0.49, 0.5);
        assertThat(Arrays.stream(asked).average().orElseThrow()).isEqualTo(0.3, within(0.005));
        for (int i = 1; i < 100; i++) {
            assertThat(asked[i] - asked[i - 1]).isLessThan(0.01);
        }
        assertThatThrownBy(() -> TargetSchedule.range(0.5, 0.1)).hasMessageContaining("0.5 to 0.1");
    }

    /** What is learned under a shift is what a dial sets. */
    @Test
    void aShiftWithoutNoiseDecidesAsAThresholdDoes() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            var rows = model.decoder().rows(manager, golden.ids(0));
            NDArray x = model.decoder().embed(rows);
            for (double shift : new double[] {-0.3, 0, 0.3}) {
                var setting = LearningPolicy.Setting.at(1).withShift(shift);
                LearningPolicy learning = new LearningPolicy(
                        gate,
                        routers,
                        new LearningPolicy.Setting(
                                1, 0, setting.forced(), setting.bounds(), setting.kv(), shift, setting.positions()),
                        Noise.gumbel(gate, 7));
                RoutedPolicy set = RoutedPolicy.of(gate, routers)
                        .withThresholds(Thresholds.argmax().plus(shift));
                for (ModuleSite site : model.config().sites()) {
                    assertThat(learning.decide(site, x, x, rows).executing(rows.size()))
                            .as("%s at %s", site, shift)
                            .isEqualTo(set.decide(site, x, x, rows).executing(rows.size()));
                }
            }
        }
    }

    @Test
    void aContinuedRunFindsItsSlopeAgain(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            double[] whole = run(model, manager, golden, folder.resolve("whole"), 0);

            double[] first = run(model, manager, golden, folder.resolve("stopped"), 3);
            double[] rest = run(model, manager, golden, folder.resolve("stopped"), 0);

            assertThat(first).hasSizeLessThan(whole.length);
            assertThat(rest).isEqualTo(whole);
        }
    }

    // Losses of six steps; interrupted after some where stop is above 0.
    private static double[] run(LanguageModel model, NDManager manager, Golden golden, Path folder, long stop) {
        TuningOptions options = TuningOptions.practical().withDenseStart().withShares(0.1, 0.5);
        LoopConfig loop = options.loop().withSteps(6).withCheckpoints(folder, 1);
        Routers routers = Routers.init(manager, model.config(), options.router(), options.start(), 5);
        try (RouterTuning tuning = RouterTuning.of(
                model,
                routers,
                Gate.compile(manager),
                options.routing(),
                loop,
                n -> new int[][] {golden.ids((int) (n % 2))},
                "ids")) {
            assertThat(tuning.state()).containsKeys("budget.missed", "budget.slope");
            TrainingRun run = TrainingLoop.run(tuning, loop, manager, progress -> {
                if (progress.done() == stop) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThat(Thread.interrupted()).isEqualTo(stop > 0);
            return run.log().column("loss");
        }
    }
}
