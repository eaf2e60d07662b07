package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.weights.WeightLoader;

/** LLM-Pruner and SliceGPT against numpy and JAX in float64, and what holds of models whose layers differ. */
class StructuredGoldenTest {
    private static final ProgressObserver SILENT = ProgressObserver.silent();
    /** fp32 forward and backward passes against float64, as a share. */
    private static final double SHARE = 5e-4;
    /** The same of logits of order 1 to 10. */
    private static final double LOGITS = 2e-4;

    private static LanguageModel model(NDManager manager, Path folder) {
        try (HuggingFaceFolder files = HuggingFaceFolder.open(folder)) {
            DecoderConfig config = ConfigJson.read(files.config());
            return LanguageModel.dense(
                    "tiny",
                    files.hash(),
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.load(config, files.tensors(), manager, Dtype.FP32));
        }
    }

    private static LanguageModel model(NDManager manager, String name) {
        return model(manager, Golden.root().resolve(name.equals("model") ? "rivals/model" : "families/" + name));
    }

    private static SafeTensors expected(String name) {
        return SafeTensors.open(Golden.root().resolve("rivals/structured_" + name + ".safetensors"));
    }

    private static List<int[]> sequences(SafeTensors expected) {
        int[] ids = Golden.ints(expected, "input_ids");
        List<int[]> out = new ArrayList<>();
        for (int i = 0; i < ids.length; i += 32) {
            out.add(Arrays.copyOfRange(ids, i, i + 32));
        }
        return out;
    }

    private static LlmPrunerConfig config(String name) {
        return LlmPrunerConfig.official(3, 0.5).withLayers(1, name.equals("model") ? 4 : 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama2"})
    void importancesKeptGroupsAndLogitsOfLlmPrunerEqualTheScript(String name) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            List<int[]> texts = sequences(expected);
            LlmPrunerConfig config = config(name);
            for (LlmPrunerConfig.Importance kind : LlmPrunerConfig.Importance.values()) {
                GroupImportance found = GroupImportance.of(model, config.withImportance(kind), texts, SILENT);
                for (int layer = config.first(); layer <= config.last(); layer++) {
                    same(found.heads().get(layer), Golden.floats(expected, kind + ".heads." + layer));
                    same(found.channels().get(layer), Golden.floats(expected, kind + ".channels." + layer));
                }
            }

            LlmPruner result = LlmPruner.run(model, config, texts, manager, SILENT);

            for (int layer = 0; layer < model.config().layers(); layer++) {
                assertThat(result.heads().get(layer)).isEqualTo(Golden.ints(expected, "kept.heads." + layer));
                assertThat(result.channels().get(layer)).isEqualTo(Golden.ints(expected, "kept.channels." + layer));
            }
            close(result.model().logits(texts.get(0))[0], Golden.floats(expected, "pruned_logits"));
            assertThat(result.parameterRatio())
                    .isEqualTo(config.parameterRatio(model.config()))
                    .isGreaterThan(0.3);
        }
    }

    private static void same(double[] found, float[] expected) {
        assertThat(found).hasSize(expected.length);
        double largest = Arrays.stream(found).max().orElseThrow();
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("group %d", i).isCloseTo(expected[i], within(SHARE * largest));
        }
    }

    private static void close(float[][] found, float[] expected) {
        int at = 0;
        double worst = 0;
        for (float[] row : found) {
            for (float value : row) {
                worst = Math.max(worst, Math.abs(value - expected[at++]));
            }
        }
        assertThat(at).isEqualTo(expected.length);
        assertThat(worst).isLessThan(LOGITS);
    }

    @ParameterizedTest
    @CsvSource({"model, 24", "llama2, 32"})
    void aSlicedModelEqualsTheScript(String name, int width) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected(name)) {
            LanguageModel model = model(manager, name);
            List<int[]> texts = sequences(expected);

            SliceGpt result = SliceGpt.run(model, new SliceGptConfig(width), texts, manager, SILENT);

            close(result.model().logits(texts.get(0))[0], Golden.floats(expected, "sliced_logits." + width));
            float[] sizes = Golden.floats(expected, "shortcut_size." + width);
            for (ModuleSite site : model.config().sites()) {
                float[] shortcut = result.model()
                        .decoder()
                        .weights()
                        .layers()
                        .get(site.layer())
                        .shortcut(site.module())
                        .orElseThrow()
                        .toFloatArray();
                double squares = 0;
                for (float one : shortcut) {
                    squares += (double) one * one;
                }
                assertThat(Math.sqrt(squares)).isCloseTo(sizes[site.index()], within(1e-4));
            }
            float[] along = Golden.floats(expected, "along." + width);
            int d = model.config().width();
            for (int place = 0; place < result.kept().length; place++) {
                double all = 0;
                double some = 0;
                int columns = place == result.kept().length - 1 ? d : width;
                for (int i = 0; i < d; i++) {
                    all += along[place * d + i];
                    some += i < columns ? along[place * d + i] : 0;
                }
                assertThat(result.kept()[place]).isCloseTo(some / all, within(1e-5));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama2", "llama31", "mistral", "qwen2", "qwen3", "smollm3", "phi3"})
    void slicingNothingLeavesTheDenseModel(String name) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager, name);
            int[] text = {3, 7, 50, 21, 9, 80, 33, 4, 60, 17, 8, 5};
            SliceGptConfig whole = SliceGptConfig.sliced(model.config(), 0);

            SliceGpt result = SliceGpt.run(model, whole, List.of(text), manager, SILENT);

            float[][] dense = model.logits(text)[0];
            float[] flat = new float[dense.length * dense[0].length];
            for (int t = 0; t < dense.length; t++) {
                System.arraycopy(dense[t], 0, flat, t * dense[t].length, dense[t].length);
            }
            close(result.model().logits(text)[0], flat);
            assertThat(result.model().config().tiedHead()).isFalse();
        }
    }

    private static List<LanguageModel> both(NDManager manager, LanguageModel model, List<int[]> texts) {
        LlmPrunerConfig narrow =
                LlmPrunerConfig.official(model.config().layers(), 0.5).withLayers(1, 1);
        return List.of(
                LlmPruner.run(model, narrow, texts, manager, SILENT).model(),
                SliceGpt.run(model, SliceGptConfig.sliced(model.config(), 0.3), texts, manager, SILENT)
                        .model());
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "llama2", "qwen2", "qwen3", "smollm3", "phi3"})
    void prunedModelsAreSavedRoutedDroppedAndReadTokenByToken(String name, @TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager, name);
            int[] text = {3, 7, 50, 21, 9, 80, 33, 4, 60, 17, 8, 5};
            for (LanguageModel pruned : both(manager, model, List.of(text))) {
                Path saved = folder.resolve(pruned.name().replace('/', '-'));
                StockFolder.save(pruned, folder, saved);
                LanguageModel again = model(manager, saved);
                assertThat(again.config()).isEqualTo(pruned.config());
                assertThat(again.config().parameters())
                        .isEqualTo(pruned.decoder().weights().all().stream()
                                .mapToLong(array -> array.getShape().size())
                                .sum())
                        .isLessThan(model.config().parameters()
                                + (long) model.config().vocabulary() * 64);
                assertThat(again.logits(text)).isDeepEqualTo(pruned.logits(text));
                readsAlike(pruned, text);
                LanguageModel routed = Tuning.withRouters(pruned, RouterConfig.defaults(), 3);
                assertThat(routed.logits(text)[0][11]).isNotEqualTo(pruned.logits(text)[0][11]);
                readsAlike(routed, text);
                List<ModuleSite> sites = List.of(
                        new ModuleSite(0, ModuleKind.MLP),
                        new ModuleSite(2, ModuleKind.ATTENTION),
                        new ModuleSite(2, ModuleKind.MLP));
                LanguageModel dropped = DropPlan.of("by hand", pruned.config(), sites, Provenance.of(""))
                        .applyTo(pruned);
                assertThat(dropped.logits(text)[0][11]).isNotEqualTo(pruned.logits(text)[0][11]);
                readsAlike(dropped, text);
                String json = Files.readString(saved.resolve("config.json"));
                Files.writeString(
                        saved.resolve("config.json"),
                        json.replaceFirst(
                                "\"hidden_size\": \\d+,\\s+\"shortcut\"", "\"hidden_size\": 9999, \"shortcut\""));
                assertThatThrownBy(() -> model(manager, saved))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("layer_shapes");
            }
        }
    }

    /** Masked, packed, always packed, with a cache at once and token by token: one function. */
    private static void readsAlike(LanguageModel model, int[] text) {
        float[][] masked = model.masked().logits(text)[0];
        for (LanguageModel way : List.of(model.packed(), model.alwaysPacked(), model.masked())) {
            assertThat(difference(way.logits(text)[0], masked)).isLessThan(LOGITS);
            float[][] steps = new float[text.length][];
            try (Session session = way.session(1)) {
                for (int t = 0; t < text.length; t++) {
                    steps[t] = session.append(new int[] {text[t]})[0];
                }
            }
            assertThat(difference(steps, masked)).isLessThan(LOGITS);
            try (Session session = way.session(2)) {
                session.append(Arrays.copyOf(text, 5), Arrays.copyOf(text, 4));
                float[][] two = session.append(new int[] {text[5]}, new int[] {text[4]});
                assertThat(difference(two, new float[][] {masked[5], masked[4]}))
                        .isLessThan(LOGITS);
                assertThat(session.usedCacheBytes()).isNotNegative();
            }
        }
    }

    private static double difference(float[][] a, float[][] b) {
        double worst = 0;
        for (int t = 0; t < b.length; t++) {
            for (int i = 0; i < b[t].length; i++) {
                worst = Math.max(worst, Math.abs(a[t][i] - b[t][i]));
            }
        }
        return worst;
    }

    @Test
    void anAdapterHealsWhatIsLeftAndRoutersLearnOverIt() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager, "llama3");
            int[] text = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
            List<String> documents = Collections.nCopies(20, "3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 3");
            TuningOptions options = TuningOptions.practical().withSteps(15).withBatch(2, 16);
            for (LanguageModel pruned : both(manager, model, List.of(text))) {
                Tuned healed = Tuning.recover(pruned, documents, options, SILENT);
                double[] loss = healed.run().log().column("LM loss");
                assertThat(loss[loss.length - 1]).isLessThan(loss[0] - 0.05);
                assertThat(healed.method()).isEqualTo(pruned.name() + "+LoRA");

                // A sliced stream cannot be ranked by ShortGPT, where practical routers begin.
                Tuned routed = Tuning.routers(pruned, 0.2, documents, options.withDenseStart(), SILENT);
                assertThat(routed.run().steps()).isEqualTo(15);
            }
        }
    }

    @Test
    void shapesOfThePapersModelsLoseWhatThePapersCount() {
        DecoderConfig small = DecoderConfig.llama(32000, 4096, 11008, 32, 32, 32);
        DecoderConfig middle = DecoderConfig.llama(32000, 5120, 13824, 40, 40, 40);
        DecoderConfig grouped = DecoderConfig.llama(128256, 4096, 14336, 32, 32, 8);
        DecoderConfig pruned = LlmPrunerConfig.official(32, 0.25).shape(small);

        assertThat(pruned.layer(3).heads()).isEqualTo(32);
        assertThat(pruned.layer(4).heads()).isEqualTo(24);
        assertThat(pruned.layer(29).heads()).isEqualTo(24);
        assertThat(pruned.layer(30).heads()).isEqualTo(32);
        assertThat(lost(small, pruned)).isCloseTo(0.195, within(0.0005));
        assertThat(lost(small, LlmPrunerConfig.official(32, 0.33).shape(small))).isCloseTo(0.253, within(0.004));
        double[] quarter = {0.153, 0.155, 0.156};
        int[] widths = {2728, 3448, 2744};
        double[] of = {0.254, 0.247, 0.246};
        List<DecoderConfig> models = List.of(small, middle, grouped);
        for (int i = 0; i < 3; i++) {
            DecoderConfig model = models.get(i);
            assertThat(lost(model, SliceGptConfig.sliced(model, 0.25).shape(model)))
                    .as("a quarter sliced, model %d", i)
                    .isCloseTo(quarter[i], within(0.001));
            assertThat(lost(model, new SliceGptConfig(widths[i]).shape(model)))
                    .as("width %d", widths[i])
                    .isCloseTo(of[i], within(0.001));
        }
        assertThat(lost(grouped, new SliceGptConfig(2168).shape(grouped))).isCloseTo(0.399, within(0.001));
        assertThat(SliceGptConfig.matching(small, 0.25).parameterRatio(small)).isCloseTo(0.25, within(0.0005));
        assertThat(LlmPrunerConfig.matching(small, 0.25).parameterRatio(small)).isCloseTo(0.25, within(0.005));
    }

    // Of a head of its own, as those models have.
    private static double lost(DecoderConfig model, DecoderConfig left) {
        long head = (long) model.vocabulary() * model.width();
        long before = model.parameters() + head;
        return 1 - (double) (left.parameters() + (left.tiedHead() ? head : 0)) / before;
    }

    @Test
    void whatCannotBePrunedIsRefusedByName() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel gemma = model(manager, "gemma2");
            LanguageModel model = model(manager, "llama2");
            List<int[]> texts = List.of(new int[] {3, 7, 50, 21, 9});
            assertThatThrownBy(() -> SliceGpt.run(gemma, new SliceGptConfig(8), texts, manager, SILENT))
                    .hasMessageContaining("norm what they add");
            assertThatThrownBy(() -> SliceGpt.run(model, new SliceGptConfig(49), texts, manager, SILENT))
                    .hasMessageContaining("has 48 columns");
            LanguageModel olmo = model(manager, "olmo2");
            assertThatThrownBy(() -> LlmPruner.run(
                            olmo, LlmPrunerConfig.official(3, 0.5).withLayers(1, 1), texts, manager, SILENT))
                    .hasMessageContaining("norm all heads together")
                    .hasMessageContaining("LLM-Pruner is for");
            LanguageModel sliced = SliceGpt.run(model, new SliceGptConfig(40), texts, manager, SILENT)
                    .model();
            assertThatThrownBy(() -> SliceGpt.run(sliced, new SliceGptConfig(8), texts, manager, SILENT))
                    .hasMessageContaining("sliced already");
            assertThatThrownBy(() -> Ranking.jointLayerDrop(sliced, texts, SILENT))
                    .hasMessageContaining("changes its basis");
            assertThat(Ranking.of(sliced, Criterion.taylor(Criterion.Grain.LAYERS), texts, SILENT)
                            .scores())
                    .hasSize(3);
            assertThatThrownBy(() -> LlmPruner.run(model, LlmPrunerConfig.official(32, 0.25), texts, manager, SILENT))
                    .hasMessageContaining("has 3");
            assertThatThrownBy(() -> LlmPrunerConfig.official(8, 1)).hasMessageContaining("withRatio");
            assertThatThrownBy(() -> LlmPrunerConfig.matching(model.config(), 0.9))
                    .hasMessageContaining("withLayers");
        }
    }

    @Test
    void oneThresholdForAllLayersKeepsAGroupInEach() {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = expected("model")) {
            LanguageModel model = model(manager, "model");
            LlmPrunerConfig config = config("model").withGlobal(true);

            LlmPruner result = LlmPruner.run(model, config, sequences(expected), manager, SILENT);

            int left = 0;
            for (int layer = 0; layer < 6; layer++) {
                assertThat(result.heads().get(layer)).isNotEmpty();
                assertThat(result.channels().get(layer)).isNotEmpty();
                left += layer > 0 && layer < 5
                        ? result.heads().get(layer).length + result.channels().get(layer).length
                        : 0;
            }
            assertThat(left).isBetween(132, 136); // half of 4 times 2 heads and 64 channels, and what a layer keeps
        }
    }
}
