package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.SkipGpt;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.prune.Criterion;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.Noise;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.Router;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** D-LLM against JAX in float64, and what must hold of it. */
class DLlmGoldenTest {
    private static final RouterConfig FORM = RouterConfig.dLlm().withHidden(5);

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

    private static SafeTensors expected(String name) {
        return SafeTensors.open(Golden.root().resolve("rivals/dllm_" + name + ".safetensors"));
    }

    private static Routers routers(NDManager manager, LanguageModel model, SafeTensors expected) {
        return Routers.load(manager, model.config(), FORM, expected, Routers.ExecuteIndex.ONE);
    }

    private static DLlmForm form(String name) {
        return DLlmForm.of(0.3).withHidden(5).withForced(2, name.equals("model") ? 2 : 1);
    }

    private static RoutedPolicy policy(NDManager manager, LanguageModel model, SafeTensors expected, String name) {
        return RoutedPolicy.of(Gate.compile(manager), routers(manager, model, expected))
                .withForced(form(name).forced(model.config()))
                .withKvPolicy(KvPolicy.EXECUTED);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama3"})
    void decisionsAndLogitsEqualTheScriptInEveryExecution(String name) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            int[] ids = Golden.ints(expected, "input_ids");
            LanguageModel dynamic = model.withPolicy(policy(manager, model, expected, name));
            float[] wanted = Golden.floats(expected, "logits");
            int[] gates = Golden.ints(expected, "gates");
            for (LanguageModel way : List.of(dynamic.masked(), dynamic.packed(), dynamic.alwaysPacked())) {
                close(way.logits(new int[] {3, 4, 5}, ids)[1], wanted, 1e-3f, way.execution());
            }
            for (LanguageModel way : List.of(dynamic.masked(), dynamic.packed())) {
                try (Session session = way.session(1)) {
                    float[][] one = new float[ids.length][];
                    one[0] = session.append(Arrays.copyOf(ids, 1))[0];
                    for (int t = 1; t < ids.length; t++) {
                        one[t] = session.append(new int[] {ids[t]})[0];
                    }
                    close(one, wanted, 1e-3f, "token by token, " + way.execution());
                    long open = Arrays.stream(gates).sum();
                    long dense = cacheBytes(model, ids);
                    assertThat(session.usedCacheBytes()).isEqualTo(dense * open / gates.length);
                }
            }
            for (ModuleRouting module : RoutingTrace.of(dynamic, ids).modules()) {
                int from = module.site().layer() * ids.length;
                long open = Arrays.stream(gates, from, from + ids.length).sum();
                assertThat(module.executedShare() * ids.length).isCloseTo((double) open, within(1e-9));
            }
        }
    }

    private static long cacheBytes(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            session.append(ids);
            return session.usedCacheBytes();
        }
    }

    private static void close(float[][] found, float[] wanted, float by, Object what) {
        for (int t = 0; t < found.length; t++) {
            for (int v = 0; v < found[t].length; v++) {
                assertThat(found[t][v])
                        .as("%s, position %d", what, t)
                        .isCloseTo(wanted[t * found[t].length + v], within(by));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"model, false", "model, true", "llama3, false"})
    void lossAndGradientEqualTheScriptForEachMean(String name, boolean recompute) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            int[] ids = Golden.ints(expected, "input_ids");
            Batches batches = number -> new int[][] {ids};
            for (DLlmForm.Share share : DLlmForm.Share.values()) {
                String kind = share.name().toLowerCase(Locale.ROOT);
                Routers routers = routers(manager, model, expected);
                try (DLlmTuning tuning = new DLlmTuning(
                                model,
                                routers,
                                Gate.compile(manager),
                                form(name).withShare(share),
                                LoraConfig.joint(),
                                LoopConfig.defaults().withSteps(1),
                                batches,
                                1,
                                recompute,
                                "text",
                                seed -> noise(manager, expected, ids.length - 1));
                        NDManager scope = manager.newSubManager();
                        var on = Torch.gradients(true)) {
                    var row = tuning.backward(scope, 0, 0, 1);

                    assertThat(row.get("loss")).isCloseTo(Golden.floats(expected, "loss." + kind)[0], within(1e-4));
                    for (Router router : routers.all()) {
                        for (int i = 0; i < router.names().size(); i++) {
                            String gradient =
                                    "gradient." + kind + "." + router.names().get(i);
                            if (expected.names().contains(gradient)) {
                                float[] found =
                                        Gradients.of(router.parameters().get(i)).toFloatArray();
                                assertThat(found)
                                        .as(gradient)
                                        .usingComparatorWithPrecision(5e-4f)
                                        .containsExactly(Golden.floats(expected, gradient));
                            }
                        }
                    }
                }
            }
        }
    }

    private static Noise noise(NDManager manager, SafeTensors expected, int tokens) {
        float[] all = Golden.floats(expected, "noise");
        return (site, like) -> {
            int from = site.layer() * 2 * tokens;
            return manager.create(Arrays.copyOfRange(all, from, from + 2 * tokens), new Shape(tokens, 2));
        };
    }

    @Test
    void openRoutersAreTheDenseModelClosedOnesLeaveWhatIsForcedAndNoneLooksAhead() {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected("model")) {
            LanguageModel model = model(manager, "model");
            int[] ids = Golden.ints(expected, "input_ids");
            RoutedPolicy policy = policy(manager, model, expected, "model");
            LanguageModel open = model.withPolicy(policy.withThresholds(new Thresholds(new double[] {-1e9})));
            for (LanguageModel way : List.of(open.masked(), open.packed(), open.alwaysPacked())) {
                assertThat(way.logits(ids)[0]).isDeepEqualTo(model.logits(ids)[0]);
            }
            LanguageModel closed = model.withPolicy(policy.withThresholds(new Thresholds(new double[] {1e9})));
            for (ModuleRouting module : RoutingTrace.of(closed, ids).modules()) {
                double share = module.site().layer() < 2 ? 1 : 2.0 / ids.length;
                assertThat(module.executedShare()).isCloseTo(share, within(1e-9));
            }
            LanguageModel dynamic = model.withPolicy(policy);
            int[] other = ids.clone();
            Arrays.fill(other, 16, ids.length, 7);
            float[][] before = dynamic.alwaysPacked().logits(ids)[0];
            float[][] changed = dynamic.alwaysPacked().logits(other)[0];
            for (int t = 0; t < 16; t++) {
                assertThat(changed[t]).usingComparatorWithPrecision(1e-4f).containsExactly(before[t]);
            }
            // A router of 32 to 5 to 2 with biases and norm in each of the four layers that have one.
            long each = 32 * 5 + 5 + 5 + 2 * 5 + 2;
            assertThat(model.config().sites().stream()
                            .mapToLong(policy::parameters)
                            .sum())
                    .isEqualTo(4 * each);
            assertThat(FORM.parameters(32)).isEqualTo(each);
            var cost = SparsityReport.of(dynamic, ids).cost();
            double dense = SparsityReport.of(open, ids).cost().cacheBytes();
            assertThat(cost.cacheBytes()).isCloseTo(dense * (1 - cost.attention()), within(1e-6));
        }
    }

    @Test
    void whatCannotBeIsToldTogether() {
        assertThatThrownBy(() -> DLlmForm.of(1.5).withLambda(2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("target 1.5");
        assertThatThrownBy(() -> new DLlmForm(-1, DLlmForm.Share.TOKEN, -1, 0, 0, 2, 2))
                .hasMessageContaining("target -1.0")
                .hasMessageContaining("lambda -1.0")
                .hasMessageContaining("temperature 0.0");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = model(manager, "model").config();
            assertThatThrownBy(() -> DLlmForm.of(0.7).forced(config))
                    .hasMessageContaining("70.0 %")
                    .hasMessageContaining("withForced");
            assertThat(DLlmForm.of(0.6).forced(config)).isEqualTo(new ForcedExecution(2, Set.of(0, 1)));
        }
        assertThat(DLlmForm.of(0.25).router().hiddenFor(4096))
                .isEqualTo(DLlmForm.official(0.25).router().hiddenFor(4096));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itLearnsIsSavedScoredMergedAndCombinesWithDroppedModules(boolean pruned, @TempDir Path parent) {
        SkipGpt.workspace("cpu", "fp32");
        LanguageModel world = SkipGpt.load("world");
        List<String> documents = SkipGpt.worldTexts(40, 9);
        TuningOptions quick = TuningOptions.workshop()
                .withSteps(8)
                .withBatch(2, 32)
                .withHeldOut(4)
                .withRouterRate(LearningRate.constant(1e-2));
        LanguageModel base = pruned
                ? SkipGpt.drop(
                        world,
                        SkipGpt.plan(
                                world, Criterion.random(Criterion.Grain.MODULES, 3), List.of(documents.get(0)), 0.1))
                : world;

        Tuned tuned = SkipGpt.tuneDLlm(base, DLlmForm.of(0.25), documents, quick, ProgressObserver.silent());

        double[] penalty = tuned.run().log().column("penalty");
        assertThat(penalty[7]).isLessThan(penalty[0]);
        assertThat(tuned.method()).isEqualTo("D-LLM");
        assertThat(tuned.model().policy().kvPolicy()).isEqualTo(KvPolicy.EXECUTED);
        List<ModuleSite> gone = new ArrayList<>(base.config().sites());
        gone.removeIf(site -> !base.policy().isDropped(site));
        assertThat(gone).allMatch(tuned.model().policy()::isDropped);
        LanguageModel turned = SkipGpt.budgetDial(tuned.model(), Budget.Kind.PARAMS, documents.subList(0, 8), 0.3)
                .set(tuned.model(), 0.3);
        SkipGpt.save(turned, parent.resolve("d-llm").toString());
        LanguageModel again = SkipGpt.loadSkipGpt(parent.resolve("d-llm").toString(), world);
        assertThat(again.policy().identity()).isEqualTo(turned.policy().identity());
        int[] ids = {5, 6, 7, 8, 9, 10, 11, 12};
        float[][] logits = turned.alwaysPacked().logits(ids)[0];
        assertThat(again.alwaysPacked().logits(ids)[0]).isDeepEqualTo(logits);
        try (NDManager owner = Torch.manager(Device.cpu())) {
            float[][] merged = Lora.merge(turned, owner).alwaysPacked().logits(ids)[0];
            for (int t = 0; t < ids.length; t++) {
                assertThat(merged[t]).usingComparatorWithPrecision(2e-3f).containsExactly(logits[t]);
            }
        }
        assertThatThrownBy(() -> SkipGpt.loadSkipGpt(parent.resolve("d-llm").toString(), world, KvPolicy.KEEP))
                .hasMessageContaining("EXECUTED");
        assertThat(SkipGpt.generate(again, "The river").text()).isNotEmpty();
    }

    @Test
    void runsThatRecomputeLayersLearnTheSame() {
        SkipGpt.workspace("cpu", "fp32");
        LanguageModel world = SkipGpt.load("world");
        List<String> documents = SkipGpt.worldTexts(40, 9);
        TuningOptions quick = TuningOptions.workshop()
                .withSteps(3)
                .withBatch(2, 24)
                .withHeldOut(2)
                .withJointLora(LoraConfig.joint().withDropout(0));
        List<NDArray> biases = new ArrayList<>();
        for (boolean recompute : new boolean[] {false, true}) {
            Tuned tuned = SkipGpt.tuneDLlm(
                    world,
                    DLlmForm.of(0.25),
                    documents,
                    quick.withRouting(quick.routing().withRecompute(recompute)),
                    ProgressObserver.silent());
            Routers routers =
                    RoutedPolicy.in(tuned.model().policy()).orElseThrow().routers();
            biases.add(routers.all().get(4).parameters().get(4));
        }
        assertThat(biases.get(1).toFloatArray())
                .usingComparatorWithPrecision(1e-4f)
                .containsExactly(biases.get(0).toFloatArray());
    }
}
