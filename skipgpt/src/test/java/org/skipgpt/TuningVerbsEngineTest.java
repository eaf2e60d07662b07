package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.skipgpt.SkipGpt.budgetDial;
import static org.skipgpt.SkipGpt.loadSkipGpt;
import static org.skipgpt.SkipGpt.loadSkipGptUnchecked;
import static org.skipgpt.SkipGpt.random;
import static org.skipgpt.SkipGpt.save;
import static org.skipgpt.SkipGpt.sparsity;
import static org.skipgpt.SkipGpt.trace;
import static org.skipgpt.SkipGpt.tuneDenseLora;
import static org.skipgpt.SkipGpt.tuneJoint;
import static org.skipgpt.SkipGpt.tuneLora;
import static org.skipgpt.SkipGpt.tuneRouters;
import static org.skipgpt.SkipGpt.withRouters;
import static org.skipgpt.SkipGpt.workspace;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDManager;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/** The verbs of tuning on a random decoder, as a notebook uses them. */
class TuningVerbsEngineTest {
    private static final TuningOptions QUICK = TuningOptions.workshop()
            .withSteps(3)
            .withBatch(2, 24)
            .withHeldOut(4)
            .withRouterRate(LearningRate.constant(2e-2));

    private final List<String> documents = documents(50);
    private LanguageModel model = tiny();

    @BeforeEach
    void freshModel() {
        model = tiny();
    }

    @Test
    void publishedRoutersOfAnotherModelAreRefusedByName() {
        LanguageModel model = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 2, 4, 2), 1);
        assertThatThrownBy(() -> SkipGpt.withPublishedRouters(model, "src/test/resources/golden/torch/state_dict.pth"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.layers.0.router_attention.weight_predictor.weight");
    }

    @Test
    void stagesRunOneAfterTheOtherAndTheBaseStaysAsItIs() {
        float[][] before = model.logits(new int[] {5, 6, 7})[0];

        Tuned rt = tuneRouters(model, documents, 0.5, QUICK.withSteps(60), ProgressObserver.silent());
        Tuned rtl = tuneLora(rt.model(), documents, QUICK, ProgressObserver.silent());
        Tuned joint = tuneJoint(model, documents, 0.5, QUICK, ProgressObserver.silent());
        Tuned dense = tuneDenseLora(model, documents, QUICK, ProgressObserver.silent());

        assertThat(rt.run().log().recent("r", 10)).isCloseTo(0.5, within(0.1));
        assertThat(rt.toString()).contains("SkipGPT-RT · target 50.0 %").contains("skipped: attention");
        assertThat(((RoutedPolicy) rtl.model().policy()).routers().hash())
                .isEqualTo(((RoutedPolicy) rt.model().policy()).routers().hash());
        assertThat(joint.model().adapter()).isPresent();
        assertThat(dense.sparsity().cost().modules()).isZero();
        assertThat(dense.sparsity().cost().routerParameters()).isZero();
        assertThat(rt.sparsity().cost().routerParameters()).isPositive();
        assertThat(rt.log().rows()).hasSize(60);
        assertThat(rt.curve("LM loss", "held-out loss").title()).isEqualTo("SkipGPT-RT");
        assertThat(model.logits(new int[] {5, 6, 7})[0]).isDeepEqualTo(before);
        assertThat(tuneLora(rt.model(), documents, QUICK, ProgressObserver.silent())
                        .run()
                        .log()
                        .column("loss"))
                .as("a cell that runs again gives the same run")
                .isEqualTo(rtl.run().log().column("loss"));
    }

    @Test
    void whatWasSavedComesBack(@TempDir Path parent) {
        Tuned joint = tuneJoint(model, documents, 0.25, QUICK, ProgressObserver.silent());
        Tuned dense = tuneDenseLora(model, documents, QUICK, ProgressObserver.silent());
        int[] ids = {9, 8, 7, 6};

        for (Tuned tuned : List.of(joint, dense)) {
            String folder = parent.resolve(tuned.method()).toString();
            save(tuned, folder);
            String byHand = folder + "-by-hand";
            save(tuned.model(), byHand);

            float[][] expected = tuned.model().alwaysPacked().logits(ids)[0];
            assertThat(loadSkipGpt(folder, model).alwaysPacked().logits(ids)[0]).isDeepEqualTo(expected);
            assertThat(loadSkipGpt(byHand, model).alwaysPacked().logits(ids)[0]).isDeepEqualTo(expected);
            assertThatThrownBy(() -> save(tuned, folder))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("nothing is overwritten");
        }
    }

    @Test
    void interruptedTuningContinuesWithTheSameCall(@TempDir Path folder) {
        TuningOptions kept = QUICK.withSteps(6).withCheckpoints(folder, 2);
        Tuned whole = tuneRouters(model, documents, 0.25, QUICK.withSteps(6), ProgressObserver.silent());

        Tuned part = tuneRouters(model, documents, 0.25, kept, progress -> {
            if (progress.done() == 2) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(Thread.interrupted()).isTrue();
        assertThat(part.run().isStopped()).isTrue();
        assertThat(part.run().steps()).isEqualTo(2);
        Tuned rest = tuneRouters(model, documents, 0.25, kept, ProgressObserver.silent());

        assertThat(rest.run().log().column("loss")).isEqualTo(whole.run().log().column("loss"));
        assertThat(((RoutedPolicy) rest.model().policy()).routers().hash())
                .isEqualTo(((RoutedPolicy) whole.model().policy()).routers().hash());
    }

    @Test
    void routedModelsShowWhatTheyDoAndTurnTheirDial() {
        LanguageModel routed = withRouters(model, RouterConfig.defaults());

        assertThat(trace(routed, documents.subList(0, 1)).modules()).hasSize(4);
        assertThat(sparsity(routed, documents).cost().modules()).isBetween(0.0, 1.0);
        var dial = budgetDial(routed, documents.subList(0, 8), 0.2, 0.6);
        assertThat(sparsity(dial.set(routed, 0.6), documents.subList(0, 8))
                        .cost()
                        .modules())
                .isCloseTo(0.6, within(0.02));
    }

    @Test
    void theDialAndOtherThresholdsAreNamedAndStoredResultsAreStillFound() {
        LanguageModel routed = withRouters(model, RouterConfig.defaults());
        RoutedPolicy policy = (RoutedPolicy) routed.policy();
        var dial = budgetDial(routed, documents.subList(0, 2), 0.2, 0.625);

        assertThat(policy.describe()).isEqualTo("routers · linear");
        assertThat(dial.set(routed, 0.2).toString()).contains("routers · linear · dial 20 %");
        assertThat(dial.set(routed, 0.625).policy().describe()).endsWith(" · dial 62.5 %");
        assertThat(policy.withThresholds(Thresholds.of(0.6)).describe()).endsWith(" · threshold 0.6000");
        assertThat(policy.withKvPolicy(KvPolicy.DEFERRED).describe()).endsWith(" · K/V deferred");
        assertThat(policy.identity().former().orElseThrow())
                .startsWith(
                        "routers · linear · K/V keep · RouterConfig[form=LINEAR, input=MODULE, norm=NONE, bias=true,"
                                + " hidden=0, coupled=false] · [0.0] · ForcedExecution[firstTokens=0, layers=[]] · ");
        assertThat(policy.identity().json())
                .startsWith(
                        "{\"bias\":true,\"form\":\"LINEAR\",\"input\":\"MODULE\",\"kind\":\"routers\",\"kv\":\"KEEP\"");
        assertThat(dial.set(routed, 0.2).policy().identity())
                .isEqualTo(
                        policy.withThresholds(dial.marks().get(0).thresholds()).identity());
    }

    @Test
    void tuningLeavesNothingCompiledButItsResult() throws ReflectiveOperationException {
        tuneRouters(model, documents, 0.5, QUICK, ProgressObserver.silent());
        int before = managers(model);
        tuneRouters(model, documents, 0.5, QUICK, ProgressObserver.silent());
        int routers = managers(model) - before;
        for (int i = 0; i < 3; i++) {
            tuneRouters(model, documents, 0.5, QUICK, ProgressObserver.silent());
        }
        assertThat(managers(model)).isEqualTo(before + 4 * routers);
        assertThat(routers).as("the result's owner and its gate").isEqualTo(2);

        before = managers(model);
        tuneJoint(model, documents, 0.5, QUICK, ProgressObserver.silent());
        assertThat(managers(model) - before)
                .as("the result's owner, its gate and its forward pass")
                .isEqualTo(3);
    }

    private static int managers(LanguageModel model) throws ReflectiveOperationException {
        return managers(model.decoder().weights().manager());
    }

    private static int managers(NDManager manager) throws ReflectiveOperationException {
        Field field = BaseNDManager.class.getDeclaredField("resources");
        field.setAccessible(true);
        int count = 1;
        for (Object held : ((Map<?, ?>) field.get(manager)).values()) {
            count += held instanceof NDManager below ? managers(below) : 0;
        }
        return count;
    }

    @Test
    void aFolderIsForcedOntoAnotherBase(@TempDir Path parent) {
        String folder = parent.resolve("tuned").toString();
        save(withRouters(model, RouterConfig.defaults()), folder);
        LanguageModel other = random(model.config(), 4).named("other");

        assertThatThrownBy(() -> loadSkipGpt(folder, model, KvPolicy.EXECUTED))
                .hasMessageContaining("loadSkipGptUnchecked(folder, base, kvPolicy)");
        assertThat(loadSkipGptUnchecked(folder, other, KvPolicy.EXECUTED)
                        .policy()
                        .kvPolicy())
                .isEqualTo(KvPolicy.EXECUTED);
    }

    @Test
    void badInputIsTold() {
        LanguageModel routed = withRouters(model, RouterConfig.defaults());
        assertThatThrownBy(() -> tuneRouters(model, documents, 25)).hasMessageContaining("0.25 means 25 %");
        assertThatThrownBy(() -> budgetDial(routed, documents)).hasMessageContaining("name shares to skip");
        assertThatThrownBy(() -> budgetDial(routed, List.of(), 0.2)).hasMessageContaining("the list is empty");
        assertThatThrownBy(() -> SkipGpt.worldTexts(-1, 3)).hasMessageContaining("count -1 is not allowed");
        assertThatThrownBy(() -> tuneRouters(
                        model,
                        documents,
                        0.25,
                        QUICK.withCheckpoints(Path.of("/proc/x"), 1),
                        ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("nothing can be made in /proc.");
        assertThatThrownBy(() -> tuneRouters(
                        model,
                        documents,
                        0.25,
                        QUICK.withCheckpoints(Path.of("pom.xml"), 1),
                        ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("pom.xml is a file, not a folder");
        assertThatThrownBy(() -> tuneRouters(model, documents, 1.5)).hasMessageContaining("target 1.5 is not allowed");
        assertThatThrownBy(() -> tuneRouters(model, List.of(), 0.25))
                .hasMessageContaining("list of documents is empty");
        assertThatThrownBy(() -> tuneRouters(model, List.of("", ""), 0.25)).hasMessageContaining("none has two tokens");
        assertThatThrownBy(() -> tuneLora(model, documents)).hasMessageContaining("tune routers first");
        assertThatThrownBy(() -> save(model, "nowhere")).hasMessageContaining("give it routers first");
        assertThatThrownBy(() -> QUICK.withBatch(0, 1))
                .hasMessageContaining("sequences 0")
                .hasMessageContaining("length 1");
        assertThatThrownBy(() -> tuneRouters(
                        model,
                        List.of("The red kite."),
                        0.25,
                        QUICK.withPacked(true).withBatch(1, 100),
                        ProgressObserver.silent()))
                .hasMessageContaining("fewer than one window of 64");
    }

    private static LanguageModel tiny() {
        workspace("cpu", "fp32");
        return random(
                DecoderConfig.llama(SkipGpt.tokenizer().vocabSize(), 32, 48, 2, 4, 2)
                        .withMaxPositions(64),
                3);
    }

    private static List<String> documents(int count) {
        WorldText text = new WorldText(World.of(World.SEED), 9);
        return LongStream.range(0, count)
                .mapToObj(i -> text.document(i, 0.5).text())
                .toList();
    }
}
