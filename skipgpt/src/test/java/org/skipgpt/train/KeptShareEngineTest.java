package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.loss.Teacher;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Torch;

/** Stage 2 skips as much at its end as at its beginning, where it is asked to. */
class KeptShareEngineTest {
    private static final Budget PARAMS = Budget.of(.25).withKind(Budget.Kind.PARAMS);
    // So fast that the stream the routers read becomes another one.
    private static final LoopConfig LOOP =
            LoopConfig.defaults().withSteps(6).withAccumulation(2).withRate(LearningRate.constant(3e-2));
    private static final LoraConfig LORA = LoraConfig.defaults().withDropout(0);

    @Test
    void theShareOfTheBeginningIsTheShareOfTheEnd() {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel routed = routed(manager, golden);
            int[][] texts = {golden.ids(0), golden.ids(1)};
            KeptShare kept = KeptShare.of(manager, routed, PARAMS, texts);
            assertThat(kept.share()).isEqualTo(share(routed, texts));

            // Routers that lean to execute stand for a stream that has come to ask for it.
            RoutedPolicy.in(routed.policy()).orElseThrow().routers().all().forEach(router -> {
                NDArray bias = router.parameters().get(1); // (2)
                bias.set(new float[] {bias.getFloat(0), bias.getFloat(1) + 1});
            });
            assertThat(kept.share() - share(routed, texts)).isGreaterThan(.1);

            for (int step = 0; step < 60; step++) {
                kept.follow(kept.counted(skipped(routed.withPolicy(kept.policy()), texts)));
            }
            assertThat(share(routed.withPolicy(kept.policy()), texts)).isCloseTo(kept.share(), within(.04));
        }
    }

    @Test
    void aContinuedRunFindsItsThresholdsAgain(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel routed = routed(manager, golden);
            int[][] texts = {golden.ids(0), golden.ids(1)};
            double[] whole = keptRun(routed, texts, LOOP.withCheckpoints(folder.resolve("whole"), 1), manager, 0);
            keptRun(routed, texts, LOOP.withCheckpoints(folder.resolve("parts"), 1), manager, 3);
            double[] parts = keptRun(routed, texts, LOOP.withCheckpoints(folder.resolve("parts"), 1), manager, 0);

            assertThat(whole).hasSize(6).doesNotHaveDuplicates();
            assertThat(parts).isEqualTo(whole);
        }
    }

    @Test
    void stageOneEndsAtItsTargetOnTheDocumentsKeptBack() {
        var model = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 2, 4, 2), 1);
        List<String> documents = SkipGpt.worldTexts(80, 100);
        TuningOptions options =
                TuningOptions.practical().withSteps(12).withBatch(2, 64).withHeldOut(8);
        double met = tuned(model, documents, options);
        double left = tuned(model, documents, options.withKeptShare(false));

        assertThat(Math.abs(left - .25)).isGreaterThan(.02);
        assertThat(met).isCloseTo(.25, within(.01));
    }

    private static double tuned(LanguageModel model, List<String> documents, TuningOptions options) {
        Tuned tuned = Tuning.routers(model, .25, documents, options, ProgressObserver.silent());
        return tuned.sparsity().cost().paramsOfBlocks();
    }

    @Test
    void drawnDecisionsHaveNoThresholdsToMove() {
        assertThatThrownBy(() -> TuningOptions.practical().withSampling(Sampling.GUMBEL))
                .hasMessageContaining("withKeptShare(false)");
        assertThat(TuningOptions.paper().keepShare()).isFalse();
        assertThat(TuningOptions.official().keepShare()).isFalse();
    }

    /** Shifts of the thresholds, step by step; interrupted after some where {@code stop} is above 0. */
    private static double[] keptRun(
            LanguageModel routed, int[][] texts, LoopConfig loop, NDManager manager, long stop) {
        KeptShare kept = KeptShare.of(manager, routed, PARAMS, texts);
        return run(adapted(routed, manager), Optional.of(kept), texts, loop, manager, stop)
                .log()
                .column("threshold shift");
    }

    private static TrainingRun run(
            LanguageModel adapted,
            Optional<KeptShare> kept,
            int[][] texts,
            LoopConfig loop,
            NDManager manager,
            long stop) {
        Batches batches = n -> new int[][] {texts[(int) (n % 2)]};
        ProgressObserver observer = progress -> {
            if (progress.done() == stop) {
                Thread.currentThread().interrupt();
            }
        };
        try (LoraTuning tuning =
                new LoraTuning(adapted, LORA, loop, batches, false, "ids", Sampling.ARGMAX, Teacher.none(), kept)) {
            TrainingRun run = TrainingLoop.run(tuning, loop, manager, observer);
            assertThat(Thread.interrupted()).isEqualTo(stop > 0);
            return run;
        }
    }

    private static LanguageModel routed(NDManager manager, Golden golden) {
        LanguageModel model = golden.model(manager);
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        LayerPolicy policy = RoutedPolicy.of(Gate.compile(manager), routers);
        return model.withPolicy(policy);
    }

    private static LanguageModel adapted(LanguageModel routed, NDManager manager) {
        return routed.withAdapter(Lora.init(manager, routed.config(), LORA, 43));
    }

    private static double[] skipped(LanguageModel model, int[][] texts) {
        RoutingTrace trace = RoutingTrace.of(model, texts);
        return model.config().sites().stream()
                .mapToDouble(site -> 1 - trace.modules().get(site.index()).executedShare())
                .toArray();
    }

    private static double share(LanguageModel model, int[][] texts) {
        RoutingTrace trace = RoutingTrace.of(model, texts);
        return PARAMS.rate(model.config(), trace.skipped(ModuleKind.ATTENTION), trace.skipped(ModuleKind.MLP));
    }
}
