package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.Placement;
import org.skipgpt.weights.WeightLoader;
import org.skipgpt.weights.WeightReads;

/** A model whose layers stay in the file says what the one in memory says, and reads what runs. */
class StreamedEngineTest {
    /** Tokens of a sequence that grows. */
    private static final int CACHED = 7;

    private static final String SOME = "cpu=1, streamed";

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void streamedLogitsEqualResidentOnesBitForBit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel held = golden.model(manager);
            for (String map : List.of("streamed", SOME)) {
                LanguageModel streamed = golden.placed(manager, Dtype.FP32, map);

                assertThat(streamed.logits(golden.ids(0), new int[] {5}, golden.ids(1)))
                        .isDeepEqualTo(held.logits(golden.ids(0), new int[] {5}, golden.ids(1)));
                assertThat(streamed.logProbabilities(golden.ids(1)))
                        .isDeepEqualTo(held.logProbabilities(golden.ids(1)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma2", "phi3"})
    void soTheyDoUnderRoutersPackedAndMasked(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel held = golden.model(manager);
            LanguageModel streamed = golden.placed(manager, Dtype.FP32, SOME);
            for (LayerPolicy policy : Golden.forced(held.config().layers())) {
                for (Execution execution : List.of(Execution.MASKED, Execution.ALWAYS_PACKED)) {
                    assertThat(golden.logits(streamed, policy, execution))
                            .as("%s, %s", policy.describe(), execution)
                            .isDeepEqualTo(golden.logits(held, policy, execution));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma3"})
    void cachedPassesEqualThoseOfTheResidentModel(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel held = golden.model(manager);
            LanguageModel streamed = golden.placed(manager, Dtype.FP32, SOME);
            List<LayerPolicy> all = new ArrayList<>(List.of(LayerPolicy.dense()));
            for (KvPolicy kv : KvPolicy.values()) {
                all.add(new ForcedPolicy(
                        0.6,
                        0.5,
                        ForcedPolicy.Pattern.UNIFORM,
                        kv,
                        held.config().layers(),
                        3));
            }
            for (LayerPolicy policy : all) {
                assertThat(cached(streamed, policy, golden))
                        .as("%s %s", policy.kvPolicy(), policy.describe())
                        .isDeepEqualTo(cached(held, policy, golden));
            }
        }
    }

    private static float[][] cached(LanguageModel model, LayerPolicy policy, Golden golden) {
        List<float[]> all = new ArrayList<>();
        int[] ids = golden.ids(0);
        LanguageModel view = model.withPolicy(policy).alwaysPacked().withStep(DecodingStep.ENGINE);
        try (Session session = view.session(2)) {
            all.addAll(List.of(session.append(Arrays.copyOf(ids, 3), new int[] {9})));
            for (int t = 3; t < CACHED; t++) {
                all.addAll(List.of(session.append(new int[] {ids[t]}, new int[] {ids[t]})));
            }
        }
        return all.toArray(float[][]::new);
    }

    @Test
    void aPassReadsTheModulesThatRunAndNoOthers() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Placement placement = golden.placement(Dtype.FP32, SOME);
            LanguageModel model = golden.placed(manager, Dtype.FP32, SOME).alwaysPacked();
            for (LayerPolicy policy : Golden.forced(model.config().layers())) {
                for (int[] text : List.of(golden.ids(0), new int[] {7})) {
                    boolean[] ran = new boolean[model.config().modules()];
                    WeightReads read = during(model, () -> watched(model.withPolicy(policy), text, ran));

                    assertThat(read.bytes()).as(policy.describe()).isEqualTo(bytes(placement, ran));
                }
            }
            WeightReads dense = during(model, () -> model.logits(golden.ids(0)));
            assertThat(dense.bytes()).isEqualTo(placement.bytesOfAPass()).isPositive();
            assertThat(dense.modules()).isEqualTo(2L * placement.streamed());
        }
    }

    private static WeightReads during(LanguageModel model, Runnable work) {
        WeightReads before = model.reads().orElseThrow();
        work.run();
        return model.reads().orElseThrow().since(before);
    }

    private static void watched(LanguageModel model, int[] text, boolean[] ran) {
        try (NDManager scope = model.scope()) {
            model.forward(model.decoder().rows(scope, text), new Trace() {
                @Override
                public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows rows) {
                    ran[site.index()] = decision.executed(rows.size()) > 0;
                }
            });
        }
    }

    private static long bytes(Placement placement, boolean[] ran) {
        long sum = 0;
        for (int i = 0; i < ran.length; i++) {
            sum += ran[i] && placement.isStreamed(i / 2) ? placement.inFile().get(i) : 0;
        }
        return sum;
    }

    @Test
    void whereEverythingIsSkippedNothingIsRead() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.placed(manager, Dtype.FP32, "streamed");
            int layers = model.config().layers();
            for (KvPolicy kv : KvPolicy.values()) {
                for (ForcedPolicy.Pattern pattern : ForcedPolicy.Pattern.values()) {
                    LanguageModel closed = model.withPolicy(new ForcedPolicy(1, 1, pattern, kv, layers, 3))
                            .packed();

                    assertThat(during(model, () -> closed.logits(golden.ids(0))).bytes())
                            .isZero();
                    // Kept keys and values are made by attention's weights, whoever attends.
                    boolean keys = kv == KvPolicy.KEEP && pattern != ForcedPolicy.Pattern.BY_LAYER;
                    long modules = during(model, () -> cached(closed, closed.policy(), golden))
                            .modules();
                    assertThat(modules).isEqualTo(keys ? (long) layers * (CACHED - 2) : 0);
                }
            }
        }
    }

    @Test
    void decodingReadsWhatItsTokenRuns() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Placement placement = golden.placement(Dtype.FP32, "streamed");
            LanguageModel model = golden.placed(manager, Dtype.FP32, "streamed")
                    .withPolicy(new ForcedPolicy(
                            0.5,
                            0.5,
                            ForcedPolicy.Pattern.UNIFORM,
                            KvPolicy.EXECUTED,
                            placement.places().size(),
                            3))
                    .withStep(DecodingStep.ENGINE);
            try (Session session = model.session(1)) {
                double[] before = new double[model.config().modules()];
                for (int t = 0; t < golden.ids(0).length; t++) {
                    int token = golden.ids(0)[t];
                    WeightReads read = during(model, () -> session.append(new int[] {token}));

                    boolean[] ran = new boolean[before.length];
                    for (int i = 0; i < ran.length; i++) {
                        double runs = session.executionRates()[i] * (t + 1);
                        ran[i] = runs > before[i] + 0.5;
                        before[i] = runs;
                    }
                    assertThat(read.bytes()).as("token %d", t).isEqualTo(bytes(placement, ran));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen3", "gemma2"})
    void blocksOfGgufAreReadAsTheyLieInTheFile(String name) {
        try (NDManager manager = Torch.manager(Device.cpu());
                GgufFile file = GgufFile.open(Golden.root().resolve("gguf/" + name + ".gguf"))) {
            DecoderConfig config = ConfigJson.read(file.config());
            Placement placement = Placement.of("streamed", config, Dtype.FP32, Map.of("cpu", 1L << 30), file);
            LanguageModel held = model(config, WeightLoader.load(config, file, manager, Dtype.FP32));
            LanguageModel streamed =
                    model(config, WeightLoader.load(config, file, manager, Dtype.FP32, List.of(), placement));

            assertThat(streamed.logits(new int[] {5, 6, 7, 8})).isDeepEqualTo(held.logits(new int[] {5, 6, 7, 8}));
            assertThat(streamed.reads().orElseThrow().bytes()).isEqualTo(placement.bytesOfAPass());
        }
    }

    private static LanguageModel model(DecoderConfig config, DecoderWeights weights) {
        return LanguageModel.dense("gguf", "none", Golden.numbers(config.vocabulary()), config, weights);
    }

    @Test
    void halfPrecisionIsReadAsItIsHeld() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel held = golden.model(manager, Dtype.BF16);
            LanguageModel streamed = golden.placed(manager, Dtype.BF16, "streamed");

            assertThat(streamed.logits(golden.ids(0))).isDeepEqualTo(held.logits(golden.ids(0)));
            assertThat(streamed.decoding()).isEqualTo("engine: some of its layers are streamed");
        }
    }

    @Test
    void threadsThatPassAtOnceEachGetTheirOwnModules() throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel held = golden.model(manager);
            LanguageModel streamed = golden.placed(manager, Dtype.FP32, "streamed");
            ExecutorService threads = Executors.newFixedThreadPool(4);
            List<Future<float[][][]>> said = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                LayerPolicy policy = i % 2 == 0
                        ? LayerPolicy.dense()
                        : new ForcedPolicy(
                                0.5, 0.5, ForcedPolicy.Pattern.BY_LAYER, KvPolicy.KEEP, 4, i); // other modules each
                said.add(threads.submit(() -> streamed.withPolicy(policy).logits(golden.ids(0))));
            }
            threads.shutdown();

            for (int i = 0; i < said.size(); i++) {
                LayerPolicy policy = i % 2 == 0
                        ? LayerPolicy.dense()
                        : new ForcedPolicy(0.5, 0.5, ForcedPolicy.Pattern.BY_LAYER, KvPolicy.KEEP, 4, i);
                assertThat(said.get(i).get(60, TimeUnit.SECONDS))
                        .isDeepEqualTo(held.withPolicy(policy).logits(golden.ids(0)));
            }
        }
    }

    @Test
    void closingWhileLayersAreReadEndsThePassWithAWord() throws Exception {
        try (Golden golden = Golden.family("llama3")) {
            for (int round = 0; round < 8; round++) {
                NDManager manager = Torch.manager(Device.cpu());
                LanguageModel model = golden.placed(manager, Dtype.FP32, "streamed");
                CountDownLatch begun = new CountDownLatch(3);
                ExecutorService one = Executors.newSingleThreadExecutor();
                Future<?> passes = one.submit(() -> {
                    while (true) {
                        model.logits(golden.ids(0));
                        begun.countDown();
                    }
                });
                assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
                InUse.free(manager, List.of());

                assertThatThrownBy(() -> passes.get(60, TimeUnit.SECONDS))
                        .hasCauseInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("this model is closed");
                one.shutdown();
            }
        }
    }

    @Test
    void aFileThatWasCutOrWrittenSinceIsAnError(@TempDir Path folder) throws IOException {
        for (boolean cut : new boolean[] {true, false}) {
            copy(Golden.root().resolve("families/llama3"), folder);
            Path file = folder.resolve("model.safetensors");
            try (NDManager manager = Torch.manager(Device.cpu());
                    HuggingFaceFolder open = HuggingFaceFolder.open(folder)) {
                DecoderConfig config = ConfigJson.read(open.config());
                Placement placement =
                        Placement.of("streamed", config, Dtype.FP32, Map.of("cpu", 1L << 30), open.tensors());
                LanguageModel model = model(
                        config, WeightLoader.load(config, open.tensors(), manager, Dtype.FP32, List.of(), placement));
                float[][][] before = model.logits(new int[] {1, 2, 3});
                FileTime written = Files.getLastModifiedTime(file);
                if (cut) {
                    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
                        raw.setLength(raw.length() / 2);
                    }
                } else {
                    Files.setLastModifiedTime(file, FileTime.fromMillis(written.toMillis() + 2000));
                }

                assertThatThrownBy(() -> model.logits(new int[] {1, 2, 3}))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContainingAll("model.safetensors", "changed while it was open");
                if (!cut) {
                    Files.setLastModifiedTime(file, written);
                    assertThat(model.logits(new int[] {1, 2, 3})).isDeepEqualTo(before);
                }
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.write(to.resolve(name), Files.readAllBytes(from.resolve(name)));
        }
    }

    @Test
    void aDamagedTensorIsToldByNameAndOneOfAnotherShapeBeforeAnythingIsRead(@TempDir Path folder) throws IOException {
        copy(Golden.root().resolve("families/llama3"), folder);
        Path file = folder.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        // the last numbers of the file, whatever tensor they belong to, become NaN
        try (HuggingFaceFolder open = HuggingFaceFolder.open(folder);
                NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = ConfigJson.read(open.config());
            DecoderConfig wider = DecoderConfig.llama(
                    config.vocabulary(), config.width(), config.hidden() + 8, config.layers(), config.heads(), 2);
            Placement placement = Placement.of("streamed", wider, Dtype.FP32, Map.of("cpu", 1L << 30), open.tensors());
            assertThatThrownBy(
                            () -> WeightLoader.load(wider, open.tensors(), manager, Dtype.FP32, List.of(), placement))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("mlp.gate_proj.weight");
        }
        for (int i = 0; i < bytes.length - 64; i++) {
            boolean data = i > bytes.length / 2;
            bytes[i] = data ? (byte) 0xff : bytes[i];
        }
        Files.write(file, bytes);
        try (HuggingFaceFolder open = HuggingFaceFolder.open(folder);
                NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = ConfigJson.read(open.config());
            Placement placement = Placement.of("streamed", config, Dtype.FP32, Map.of("cpu", 1L << 30), open.tensors());
            assertThatThrownBy(() -> model(
                                    config,
                                    WeightLoader.load(
                                            config, open.tensors(), manager, Dtype.FP32, List.of(), placement))
                            .logits(new int[] {1, 2, 3}))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("NaN or infinite");
        }
    }

    @Test
    void whatNeedsTheWeightsInMemoryIsRefusedByName() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.placed(manager, Dtype.FP32, SOME);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, model.config(), LoraConfig.defaults(), 1));

            assertThatThrownBy(() -> Lora.merge(adapted, manager))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContainingAll("attention 0 are streamed", "merging", "load(name)");
            assertThatThrownBy(() -> model.decoder().weights().changing())
                    .hasMessageContaining("full training changes them");
            assertThat(model.decoder().weights().layers().get(1).of(ModuleKind.MLP))
                    .isNotEmpty();
            assertThatThrownBy(() -> golden.placed(manager, Dtype.Q8_0, SOME))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("stay in the file", "blocks", "fp32 or bf16");
        }
    }
}
