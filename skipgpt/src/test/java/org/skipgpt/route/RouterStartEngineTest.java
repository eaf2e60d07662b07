package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.TargetSchedule;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

class RouterStartEngineTest {
    private static final List<ModuleSite> PLAN =
            List.of(new ModuleSite(0, ModuleKind.MLP), new ModuleSite(1, ModuleKind.ATTENTION));

    /** With weights that are next to nothing the biases decide. */
    private static final RouterStart PLANNED =
            RouterStart.executing().withScale(1e-6).leaningTo(PLAN);

    @Test
    void routersThatLeanToAPlanBeginAsThePlan() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            Routers routers = Routers.init(manager, dense.config(), RouterConfig.defaults(), PLANNED, 5);
            LanguageModel routed = dense.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
            LanguageModel dropped = DropPlan.of("test", dense.config(), PLAN, Provenance.of("test"))
                    .applyTo(dense);

            float[][] ours = routed.logits(golden.ids(0))[0];
            float[][] theirs = dropped.logits(golden.ids(0))[0];
            float[][] whole = dense.logits(golden.ids(0))[0];
            for (int t = 0; t < theirs.length; t++) {
                assertThat(ours[t]).as("token %d", t).containsExactly(theirs[t], offset(1e-4f));
            }
            assertThat(ours[theirs.length - 1]).isNotEqualTo(whole[theirs.length - 1]);
        }
    }

    @Test
    void tuningFindsThePlanItBeginsAt() {
        LanguageModel dense = SkipGpt.load("world");
        List<String> documents = SkipGpt.worldTexts(40, 100);
        TuningOptions options = TuningOptions.practical()
                .withSteps(1)
                .withRouterRate(LearningRate.constant(1e-9))
                .withHeldOut(4)
                .withKeptShare(false);
        TuningOptions begun = options.withStart(options.start().withScale(1e-6));
        LanguageModel tuned = Tuning.routers(dense, 0.25, documents, begun, ProgressObserver.silent())
                .model();
        DropPlan plan = SkipGpt.shortGpt(dense, List.of(String.join("\n", documents)), 0.25);

        assertThat(plan.dropped()).hasSize(4);
        assertThat(executed(tuned, documents)).isEqualTo(executed(SkipGpt.drop(dense, plan), documents));
    }

    private static List<Double> executed(LanguageModel model, List<String> documents) {
        return SkipGpt.trace(model, documents.subList(0, 1)).modules().stream()
                .map(ModuleRouting::executedShare)
                .toList();
    }

    @Test
    void aSlicedStreamCannotBeRankedAndSaysSo() {
        LanguageModel dense = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 2, 4, 2), 1);
        LanguageModel sliced = SkipGpt.sliceGpt(dense, List.of(String.join("\n", SkipGpt.worldTexts(4, 100))), 0.2)
                .model();

        assertThatThrownBy(() -> SkipGpt.tuneRouters(sliced, SkipGpt.worldTexts(20, 100), 0.25))
                .hasMessageContaining("withDenseStart()");
    }

    @Test
    void aLeanWithoutARouterOfItsOwnIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            DecoderConfig config = golden.model(manager).config();
            RouterStart far = RouterStart.executing().leaningTo(List.of(new ModuleSite(99, ModuleKind.MLP)));
            assertThatThrownBy(() -> Routers.init(manager, config, RouterConfig.defaults(), far, 5))
                    .hasMessageContaining("mlp 99")
                    .hasMessageContaining("layers 0 to");
            RouterConfig coupled = RouterConfig.defaults().asCoupled();
            assertThatThrownBy(() -> Routers.init(manager, config, coupled, PLANNED, 5))
                    .hasMessageContaining("both modules of a layer");
            RouterConfig plain = RouterConfig.defaults().withBias(false);
            RouterStart even = RouterStart.even().leaningTo(PLAN);
            assertThatThrownBy(() -> Routers.init(manager, config, plain, even, 5))
                    .hasMessageContaining("withBias(true)");
        }
        assertThatThrownBy(() -> PLANNED.withLean(0)).hasMessageContaining("lean 0.0");
    }

    @Test
    void aPlanStartsTuningAtItsTargetAndIsNamedInRunsOnlyWhereThereIsOne() {
        TuningOptions begun = TuningOptions.practical().withPlanStart(PLAN);

        assertThat(begun.routing().schedule()).isEqualTo(TargetSchedule.whole());
        assertThat(begun.start().leaning()).isEqualTo(PLAN);
        assertThat(begun.start().toString()).contains("lean=2.0", "mlp 0", "attention 1");
        assertThat(RouterStart.executing().toString()).isEqualTo("RouterStart[margin=3.0, scale=0.02]");
    }
}
