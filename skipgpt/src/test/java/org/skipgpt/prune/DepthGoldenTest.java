package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.prune.Criterion.Grain;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Shortened LLaMA, removal one by one and LaCo against numpy and JAX in float64, and criteria of one's own. */
class DepthGoldenTest {
    private static final ProgressObserver SILENT = ProgressObserver.silent();
    /** fp32 forward and backward passes against float64, as a share. */
    private static final double SHARE = 2e-4;

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
        return SafeTensors.open(Golden.root().resolve("rivals/depth_" + name + ".safetensors"));
    }

    private static List<int[]> sequences(SafeTensors expected) {
        int[] ids = Golden.ints(expected, "input_ids");
        List<int[]> out = new ArrayList<>();
        for (int i = 0; i < ids.length; i += 32) {
            out.add(Arrays.copyOfRange(ids, i, i + 32));
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama3"})
    void importancesAndOrdersEqualTheScript(String name) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            List<int[]> texts = sequences(expected);
            float[][] before = model.logits(texts.get(0))[0];
            for (Grain grain : Grain.values()) {
                String units = grain.name().toLowerCase(Locale.ROOT);
                same(
                        Ranking.of(model, Criterion.perplexity(grain), texts, SILENT),
                        Golden.floats(expected, "ppl_" + units));
                same(
                        Ranking.of(model, Criterion.taylor(grain), texts, SILENT),
                        Golden.floats(expected, "taylor_" + units));
            }
            assertThat(model.logits(texts.get(0))[0]).as("the model stays").isDeepEqualTo(before);
        }
    }

    private static void same(Ranking found, float[] expected) {
        assertThat(found.scores()).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(found.scores()[i] / expected[i])
                    .as(found.method() + ", unit %d", i)
                    .isCloseTo(1, within(SHARE));
        }
        assertThat(found.order())
                .as(found.method())
                .isEqualTo(IntStream.range(0, expected.length)
                        .boxed()
                        .sorted(Comparator.comparingDouble(i -> expected[i]))
                        .mapToInt(Integer::intValue)
                        .toArray());
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama3"})
    void modulesGoOneByOneAsInTheScript(String name) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            int[] order = Golden.ints(expected, "one_by_one");
            for (int gone : new int[] {1, order.length}) {
                List<ModuleSite> sites = Arrays.stream(order)
                        .limit(gone)
                        .sorted()
                        .mapToObj(ModuleSite::of)
                        .toList();
                double ratio = DropPlan.of("", model.config(), sites, model.provenance(""))
                        .parameterRatio();

                DropPlan plan = Ranking.oneByOne(
                        model, Criterion.perplexity(Grain.MODULES), sequences(expected), ratio, Set.of(), SILENT);

                assertThat(plan.dropped()).isEqualTo(sites);
                assertThat(plan.method()).isEqualTo("Shortened LLaMA PPL, modules, one by one");
            }
        }
    }

    @Test
    void keptLayersStayAndRankingsGoOnFromAPrunedModel() {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected("model")) {
            LanguageModel model = model(manager, "model");
            List<int[]> texts = sequences(expected);
            Ranking all = Ranking.of(model, Criterion.taylor(Grain.LAYERS), texts, SILENT);

            assertThat(Ranking.endsOf(DecoderConfig.llama(64, 32, 48, 8, 4, 2)))
                    .containsExactlyInAnyOrder(0, 1, 2, 3, 6, 7);
            Ranking some = all.keeping(Set.of(5, 0));
            assertThat(some.units()).extracting(unit -> unit.get(0).layer()).containsExactly(1, 2, 3, 4);
            assertThat(some.plan(0.95).keptLayers()).containsExactly(0, 5);
            assertThat(Ranking.oneByOne(model, Criterion.perplexity(Grain.LAYERS), texts, 0.9, Set.of(5, 0), SILENT)
                            .keptLayers())
                    .containsExactly(0, 5);
            assertThat(all.plan(0.95).dropped()).hasSize(10);
            LanguageModel pruned = all.drop(1).applyTo(model);
            assertThat(Ranking.of(pruned, Criterion.taylor(Grain.LAYERS), texts, SILENT)
                            .units())
                    .hasSize(5);
        }
    }

    @Test
    void aCriterionOfOnesOwnRanksAndARandomOneRepeats() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager, "model");
            Criterion deepest = Criterion.of(
                    "deepest first",
                    Grain.MODULES,
                    (m, units, texts, observer) -> units.stream()
                            .mapToDouble(unit -> -unit.get(0).index())
                            .toArray());
            Criterion broken = Criterion.of("broken", Grain.LAYERS, (m, units, texts, observer) -> new double[] {1});

            DropPlan plan = Ranking.of(model, deepest, List.of(), SILENT).drop(3);
            assertThat(plan.dropped()).extracting(ModuleSite::index).containsExactly(9, 10, 11);
            assertThat(plan.method()).isEqualTo("deepest first");
            assertThatThrownBy(() -> Ranking.of(model, broken, List.of(), SILENT))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("\"broken\" gave [1.0] for 6 units");
            Ranking random = Ranking.of(model, Criterion.random(Grain.MODULES, 7), List.of(), SILENT);
            assertThat(Ranking.of(model, Criterion.random(Grain.MODULES, 7), List.of(), SILENT)
                            .order())
                    .isEqualTo(random.order());
            assertThat(Ranking.of(model, Criterion.random(Grain.MODULES, 8), List.of(), SILENT)
                            .order())
                    .isNotEqualTo(random.order());
            // What is gone changes nobody else's lot.
            Ranking rest =
                    Ranking.of(random.drop(2).applyTo(model), Criterion.random(Grain.MODULES, 7), List.of(), SILENT);
            assertThat(rest.drop(1).dropped()).isEqualTo(random.drop(3).dropped());
        }
    }

    @ParameterizedTest
    @CsvSource({"model, 0.2", "llama3, -0.2"})
    void mergedLayersAndTriesEqualTheScript(String name, double threshold) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            List<int[]> texts = sequences(expected);
            float[][] before = model.logits(texts.get(0))[0];
            for (LaCoConfig.Merge merge : LaCoConfig.Merge.values()) {
                String key = "laco_" + merge.name().toLowerCase(Locale.ROOT);
                LaCoConfig config = LaCoConfig.official(model.config().layers())
                        .withMerge(merge)
                        .withSize(3)
                        .withSimilarity(threshold);

                LaCo found = LaCo.run(model, config, texts, manager, SILENT);

                float[] tries = Golden.floats(expected, key + "_tries");
                assertThat(found.tries()).as(key).hasSize(tries.length / 4);
                for (int i = 0; i < found.tries().size(); i++) {
                    LaCo.Try one = found.tries().get(i);
                    assertThat(one.layer()).isEqualTo((int) tries[4 * i]);
                    assertThat(one.merged()).isEqualTo((int) tries[4 * i + 1]);
                    assertThat(one.similarity()).isCloseTo(tries[4 * i + 2], within(2e-5));
                    assertThat(one.accepted()).isEqualTo(tries[4 * i + 3] == 1);
                }
                float[][] logits = found.model().logits(texts.get(0))[0];
                float[] wanted = Golden.floats(expected, key + "_logits");
                for (int t = 0; t < logits.length; t++) {
                    for (int v = 0; v < logits[t].length; v++) {
                        assertThat(logits[t][v]).as(key).isCloseTo(wanted[t * logits[t].length + v], within(2e-3f));
                    }
                }
                assertThat(found.text()).contains("similarity", "merged");
            }
            assertThat(model.logits(texts.get(0))[0]).as("the model stays").isDeepEqualTo(before);
        }
    }

    @Test
    void oneFollowerIsTheSameOfficialAndAsInThePaper() {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected("model")) {
            LanguageModel model = model(manager, "model");
            List<int[]> texts = sequences(expected);
            LaCoConfig two =
                    LaCoConfig.official(6).withSize(2).withSimilarity(-1).withDepth(4);

            LaCo official = LaCo.run(model, two, texts, manager, SILENT);
            LaCo paper = LaCo.run(model, two.withMerge(LaCoConfig.Merge.PAPER), texts, manager, SILENT);

            assertThat(official.model().config().layers()).isEqualTo(4);
            float[][] a = official.model().logits(texts.get(0))[0];
            float[][] b = paper.model().logits(texts.get(0))[0];
            for (int t = 0; t < a.length; t++) {
                assertThat(b[t]).usingComparatorWithPrecision(1e-3f).containsExactly(a[t]);
            }
        }
    }

    @Test
    void aCollapsedModelIsAnOrdinaryOne(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected("model")) {
            LanguageModel model = model(manager, "model");
            int[] ids = sequences(expected).get(0);
            LanguageModel smaller = LaCo.run(
                            model,
                            LaCoConfig.paper(6).withSize(3).withSimilarity(0.2),
                            sequences(expected),
                            manager,
                            SILENT)
                    .model();

            assertThat(smaller.hash()).isNotEqualTo(model.hash()).hasSize(64);
            float[][] logits = smaller.logits(ids)[0];
            try (Session session = smaller.session(1)) {
                assertThat(session.append(ids)[0])
                        .usingComparatorWithPrecision(1e-4f)
                        .containsExactly(logits[31]);
            }
            StockFolder.save(smaller, Golden.root().resolve("rivals/model"), folder.resolve("out"));
            try (HuggingFaceFolder files = HuggingFaceFolder.open(folder.resolve("out"))) {
                DecoderConfig config = ConfigJson.read(files.config());
                LanguageModel read = LanguageModel.dense(
                        "read",
                        files.hash(),
                        model.tokenizer(),
                        config,
                        WeightLoader.load(config, files.tensors(), manager, Dtype.FP32));
                assertThat(read.logits(ids)[0]).isDeepEqualTo(logits);
            }
            assertThatThrownBy(() -> new LaCoConfig(LaCoConfig.Merge.PAPER, 1, 0, 0, -1, 2, 0))
                    .hasMessageContaining("size 1")
                    .hasMessageContaining("interval 0")
                    .hasMessageContaining("similarity 2.0")
                    .hasMessageContaining("depth 0");
            LanguageModel pruned = Ranking.of(model, Criterion.random(Grain.LAYERS, 1), List.of(), SILENT)
                    .drop(1)
                    .applyTo(model);
            assertThatThrownBy(() -> LaCo.run(pruned, LaCoConfig.official(6), sequences(expected), manager, SILENT))
                    .hasMessageContaining("random layers");
        }
    }
}
