package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.PackedTokens;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** The loop on a tiny decoder that learns a repeating sequence. */
class TrainingEngineTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @Test
    void lossFalls() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TrainingRun run = train(manager, LoopConfig.defaults().withSteps(40), ProgressObserver.silent());

            double[] loss = run.log().column("loss");
            assertThat(loss[0]).isBetween(Math.log(24) - 0.3, Math.log(24) + 0.3);
            assertThat(loss[39]).isLessThan(0.5 * loss[0]);
        }
    }

    @Test
    void sameSeedSameRunAndInterruptedRunContinuesToTheSameNumbers() {
        LoopConfig config = LoopConfig.defaults().withSteps(8);
        double[] whole;
        try (NDManager manager = Torch.manager(Device.cpu())) {
            whole = train(manager, config, ProgressObserver.silent()).log().column("loss");
        }
        LoopConfig kept = config.withCheckpoints(folder, 0);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TrainingRun first = train(manager, kept, progress -> {
                if (progress.done() == 3) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThat(Thread.interrupted()).isTrue();
            assertThat(first.isStopped()).isTrue();
            assertThat(first.steps()).isEqualTo(3);
        }
        try (NDManager manager = Torch.manager(Device.cpu())) {
            assertThat(train(manager, kept, ProgressObserver.silent()).log().column("loss"))
                    .containsExactly(whole);
        }
    }

    @Test
    void killedProcessContinuesToTheSameNumbers() throws Exception {
        Process process = start();
        process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);

        assertContinued();
    }

    @Test
    void processAskedToEndSavesItsLastStepAndEndsCleanly() throws Exception {
        Process process = start();
        process.destroy();

        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        // 128 + SIGTERM; a crash within libtorch would be 134
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("out.txt")))
                .isEqualTo(143);
        assertContinued();
    }

    private Process start() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Killed.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out.txt").toFile())
                .start();
        for (int i = 0; i < 600 && !Files.exists(folder.resolve("run.safetensors")) && process.isAlive(); i++) {
            Thread.sleep(100);
        }
        Thread.sleep(300);
        return process;
    }

    private void assertContinued() {
        assertThat(folder.resolve("run.safetensors")).exists();
        double[] whole;
        try (NDManager manager = Torch.manager(Device.cpu())) {
            whole = train(manager, killable(), ProgressObserver.silent()).log().column("loss");
        }
        try (NDManager manager = Torch.manager(Device.cpu())) {
            assertThat(train(manager, killable().withCheckpoints(folder, 1), ProgressObserver.silent())
                            .log()
                            .column("loss"))
                    .containsExactly(whole);
        }
    }

    @Test
    void runOfOtherSettingsIsNotContinued() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            train(manager, LoopConfig.defaults().withSteps(2).withCheckpoints(folder, 0), ProgressObserver.silent());

            assertThatThrownBy(() -> train(
                            manager,
                            LoopConfig.defaults().withSteps(3).withCheckpoints(folder, 0),
                            ProgressObserver.silent()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("other settings (steps: 2, now 3): use");
        }
    }

    @Test
    void notANumberStopsAndKeepsTheLastGoodState() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            NDArray leaf = manager.ones(new Shape(2, 2));
            Gradients.require(leaf);
            LoopConfig config = LoopConfig.defaults().withSteps(9).withCheckpoints(folder, 1);

            assertThatThrownBy(() -> TrainingLoop.run(new Breaking(leaf), config, manager, ProgressObserver.silent()))
                    .isInstanceOf(NonFiniteLossException.class)
                    .hasMessageContaining("step 4");
            assertThat(folder.resolve("run.safetensors")).exists();
        }
    }

    @Test
    void memoryStaysFlat() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            int[] arrays = new int[2];
            train(manager, LoopConfig.defaults().withSteps(120), progress -> {
                if (progress.done() == 20) {
                    arrays[0] = manager.getManagedArrays().size();
                } else if (progress.done() == 120) {
                    arrays[1] = manager.getManagedArrays().size();
                }
            });
            assertThat(arrays[1]).isEqualTo(arrays[0]);
        }
    }

    @Test
    void recomputedLayersGiveTheSameRun() {
        LoopConfig config = LoopConfig.defaults().withSteps(6);
        double[] whole;
        try (NDManager manager = Torch.manager(Device.cpu())) {
            whole = train(manager, config, false, ProgressObserver.silent())
                    .log()
                    .column("gradient norm");
        }
        try (NDManager manager = Torch.manager(Device.cpu())) {
            double[] again = train(manager, config, true, ProgressObserver.silent())
                    .log()
                    .column("gradient norm");
            for (int i = 0; i < whole.length; i++) {
                assertThat(again[i]).isCloseTo(whole[i], withinPercentage(0.01));
            }
        }
    }

    static LoopConfig killable() {
        return LoopConfig.defaults().withSteps(30);
    }

    static TrainingRun train(NDManager manager, LoopConfig config, ProgressObserver observer) {
        return train(manager, config, false, observer);
    }

    private static TrainingRun train(
            NDManager manager, LoopConfig config, boolean recompute, ProgressObserver observer) {
        DecoderConfig shape = DecoderConfig.llama(24, 32, 48, 2, 4, 2);
        DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 5);
        LanguageModel model = LanguageModel.dense("tiny", "", Golden.numbers(24), shape, weights);
        int[] ids = new int[600];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (i * 5 + i / 7) % 24;
        }
        PackedTokens corpus = PackedTokens.of(ids);
        Objective objective = new FullTraining(
                model, n -> corpus.random(3, n, 4, 17), List.of(), 1, FullTraining.Precision.FP32, recompute, "test");
        return TrainingLoop.run(objective, config, manager, observer);
    }

    /** What the killed process runs. */
    static final class Killed {
        private Killed() {}

        public static void main(String[] arguments) {
            try (NDManager manager = Torch.manager(Device.cpu())) {
                train(manager, killable().withCheckpoints(Path.of(arguments[0]), 1), progress -> {
                    try {
                        Thread.sleep(50);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
        }
    }

    /** Good for four steps, then NaN. */
    private record Breaking(NDArray leaf) implements Objective {
        @Override
        public Map<String, NDArray> parameters() {
            return Map.of("leaf", leaf);
        }

        @Override
        public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
            NDArray x = leaf.mul(2);
            x.attach(scope);
            NDArray sum = x.sum();
            sum.attach(scope);
            Gradients.backward(sum);
            return Map.of("loss", step < 4 ? 1.0 : Double.NaN, "tokens", 1.0);
        }

        @Override
        public String describe() {
            return "breaking";
        }

        @Override
        public Identity identity() {
            return Identity.of("breaking");
        }
    }
}
