package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.SkipGpt;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.MixtureWeights;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Mixture-of-Depths against JAX in float64, and what must hold of it. */
class MixtureGoldenTest {
    private static final double CAPACITY = 0.6;

    private static LanguageModel model(NDManager manager, String name) {
        String folder = name.equals("model") ? "rivals/model" : "families/" + name;
        try (HuggingFaceFolder files = HuggingFaceFolder.open(Golden.root().resolve(folder))) {
            DecoderConfig config = ConfigJson.read(files.config());
            return LanguageModel.dense(
                    name,
                    files.hash(),
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.load(config, files.tensors(), manager, Dtype.FP32));
        }
    }

    private static MixtureWeights weights(NDManager manager, LanguageModel model, SafeTensors expected) {
        Shape shape = new Shape(model.config().modules(), model.config().width());
        NDArray router = manager.create(Golden.floats(expected, "routers"), shape);
        // A predictor that says what THRESHOLD says.
        return new MixtureWeights(
                router,
                router.duplicate(),
                manager.zeros(new Shape(model.config().modules())));
    }

    @ParameterizedTest
    @CsvSource({"mixture, model", "mixture, llama3", "blocks, model", "blocks, llama3"})
    void logitsLossAndGradientEqualTheScript(String kind, String name) {
        MixtureForm form = kind.equals("blocks") ? MixtureForm.blocks(0.4) : MixtureForm.modules(CAPACITY);
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected =
                        SafeTensors.open(Golden.root().resolve("rivals/" + kind + "_" + name + ".safetensors"))) {
            LanguageModel model = model(manager, name);
            int[] ids = Golden.ints(expected, "input_ids");
            MixtureWeights weights = weights(manager, model, expected);
            MixturePolicy policy = MixturePolicy.of(manager, weights, form, MixturePolicy.Choice.TOP_K);
            LanguageModel mixed = model.withPolicy(policy);
            float[] wanted = Golden.floats(expected, "logits");
            for (LanguageModel way : List.of(mixed.masked(), mixed.packed(), mixed.alwaysPacked())) {
                // Another sequence in the batch competes for itself.
                float[][] logits = way.logits(new int[] {3, 4, 5}, ids)[1];
                for (int t = 0; t < ids.length; t++) {
                    for (int v = 0; v < logits[t].length; v++) {
                        assertThat(logits[t][v])
                                .as("%s, position %d", way.execution(), t)
                                .isCloseTo(wanted[t * logits[t].length + v], within(1e-3f));
                    }
                }
            }
            RoutingTrace trace = RoutingTrace.of(mixed, ids);
            for (ModuleRouting module : trace.modules()) {
                // floor(0.6 * 32), or floor(0.4 * 32) in every other layer
                double some = kind.equals("blocks") ? module.site().layer() % 2 == 0 ? 32 : 12 : 19;
                assertThat(module.executedShare() * ids.length).isCloseTo(some, within(1e-9));
            }

            LoopConfig loop = LoopConfig.defaults().withSteps(1);
            Batches batches = number -> new int[][] {ids};
            try (MixtureTuning tuning = new MixtureTuning(model, policy, LoraConfig.joint(), loop, batches, 1, "text");
                    NDManager scope = manager.newSubManager();
                    var on = Torch.gradients(true)) {
                var row = tuning.backward(scope, 0, 0, 1);
                assertThat(row.get("LM loss")).isCloseTo(Golden.floats(expected, "loss")[0], within(1e-4));
                float[] gradient = Gradients.of(weights.router()).toFloatArray();
                float[] theirs = Golden.floats(expected, "gradient");
                for (int i = 0; i < theirs.length; i++) {
                    assertThat(gradient[i]).as("gradient %d", i).isCloseTo(theirs[i], within(2e-4f));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void predictorsDoNotLookAheadAndTheBestOfATextDo(boolean blocks) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = SafeTensors.open(Golden.root().resolve("rivals/mixture_model.safetensors"))) {
            LanguageModel model = model(manager, "model");
            int[] ids = Golden.ints(expected, "input_ids");
            int[] other = ids.clone();
            Arrays.fill(other, 16, 32, 7);
            MixtureWeights weights = weights(manager, model, expected);
            MixturePolicy best = MixturePolicy.of(
                    manager,
                    weights,
                    blocks ? MixtureForm.blocks(0.4) : MixtureForm.modules(CAPACITY),
                    MixturePolicy.Choice.TOP_K);
            for (MixturePolicy.Choice choice :
                    List.of(MixturePolicy.Choice.PREDICTOR, MixturePolicy.Choice.THRESHOLD)) {
                LanguageModel mixed = model.withPolicy(best.withChoice(choice));
                float[][] logits = mixed.alwaysPacked().logits(ids)[0];
                float[][] changed = mixed.alwaysPacked().logits(other)[0];
                for (int t = 0; t < 16; t++) {
                    assertThat(changed[t]).usingComparatorWithPrecision(1e-4f).containsExactly(logits[t]);
                }
                float[][] masked = mixed.masked().logits(ids)[0];
                try (Session session = mixed.session(1)) {
                    for (int t = 0; t < ids.length; t++) {
                        float[] next = session.append(new int[] {ids[t]})[0];
                        assertThat(next).usingComparatorWithPrecision(1e-3f).containsExactly(logits[t]);
                        assertThat(masked[t])
                                .usingComparatorWithPrecision(1e-3f)
                                .containsExactly(logits[t]);
                    }
                }
                assertThat(RoutingTrace.of(mixed, ids).modules().get(2).probability()[0])
                        .isBetween(0f, 1f);
            }
            LanguageModel ahead = model.withPolicy(best);
            assertThat(ahead.logits(ids)[0][15]).isNotEqualTo(ahead.logits(other)[0][15]);
            assertThatThrownBy(() -> ahead.session(1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("looks ahead");
            assertThatThrownBy(() -> MixturePolicy.of(manager, weights, 0, MixturePolicy.Choice.TOP_K))
                    .hasMessageContaining("capacity 0.0");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itLearnsIsSavedScoredAndCombinesWithDroppedModules(boolean blocks, @TempDir Path parent) {
        MixtureForm form = blocks ? MixtureForm.blocks(0.5) : MixtureForm.modules(0.75);
        SkipGpt.workspace("cpu", "fp32");
        LanguageModel model = SkipGpt.load("world");
        List<String> documents = SkipGpt.worldTexts(40, 9);
        TuningOptions quick = TuningOptions.workshop()
                .withSteps(8)
                .withBatch(2, 32)
                .withHeldOut(4)
                .withRouterRate(LearningRate.constant(1e-2));
        LanguageModel pruned = SkipGpt.drop(
                model,
                SkipGpt.plan(model, Criterion.random(Criterion.Grain.MODULES, 3), List.of(documents.get(0)), 0.1));

        Tuned tuned = SkipGpt.tuneMixture(pruned, form, documents, quick, ProgressObserver.silent());

        double[] predictor = tuned.run().log().column("predictor loss");
        assertThat(predictor[7]).isLessThan(predictor[0]);
        assertThat(tuned.model().config().sites().stream()
                        .filter(pruned.policy()::isDropped)
                        .allMatch(tuned.model().policy()::isDropped))
                .isTrue();
        SkipGpt.save(tuned, parent.resolve("mod").toString());
        LanguageModel again = SkipGpt.loadSkipGpt(parent.resolve("mod").toString(), model);
        assertThat(again.policy().identity()).isEqualTo(tuned.model().policy().identity());
        int[] ids = {5, 6, 7, 8, 9};
        assertThat(again.alwaysPacked().logits(ids)[0])
                .isDeepEqualTo(tuned.model().alwaysPacked().logits(ids)[0]);
        assertThat(SkipGpt.generate(again, "The river").text()).isNotEmpty();
        double share = blocks ? 0.4 : 0.3;
        LanguageModel turned =
                SkipGpt.budgetDial(again, documents.subList(0, 8), share).set(again, share);
        assertThat(turned.policy().identity()).isNotEqualTo(again.policy().identity());
        SkipGpt.save(turned, parent.resolve("turned").toString());
        LanguageModel read = SkipGpt.loadSkipGpt(parent.resolve("turned").toString(), model);
        assertThat(read.policy().identity()).isEqualTo(turned.policy().identity());
        MixturePolicy best = ((MixturePolicy) again.policy().core()).withChoice(MixturePolicy.Choice.TOP_K);
        assertThatThrownBy(() -> best.withThresholds(Thresholds.of(0.7)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PREDICTOR");
        assertThat(tuned.method()).isEqualTo(blocks ? "MoD" : "MoD-D");
        assertThat(tuned.sparsity().cost().routerParameters()).isPositive();
    }
}
