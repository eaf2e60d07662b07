package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.GgufSaver;
import org.skipgpt.weights.LayerWeights;
import org.skipgpt.weights.WeightLoader;

/** Weights in blocks of 8 and 4 bits count as the numbers that they stand for, whoever computes. */
class BlockStepEngineTest {
    // Sums of some hundred fp32 numbers in another order, through a few layers.
    private static final double TOLERANCE = 1e-4;

    private static final int[] IDS =
            IntStream.range(0, 24).map(t -> 13 * t % 96).toArray();

    private static List<Dtype> blocks() {
        return Arrays.stream(Dtype.values()).filter(Dtype::isBlocks).toList();
    }

    /** Sizes of a family's tiny checkpoint that are whole blocks everywhere. */
    private static DecoderConfig shape(String family) {
        try (HuggingFaceFolder folder =
                HuggingFaceFolder.open(Golden.root().resolve("families").resolve(family))) {
            JsonObject json = folder.config().deepCopy();
            JsonObject text = json.has("text_config") ? json.getAsJsonObject("text_config") : json;
            int head = text.has("head_dim")
                    ? 16
                    : text.get("hidden_size").getAsInt()
                            / text.get("num_attention_heads").getAsInt();
            if (text.has("head_dim")) {
                text.addProperty("head_dim", head);
            }
            text.addProperty("hidden_size", 64);
            text.addProperty("intermediate_size", 96);
            text.addProperty("num_attention_heads", 64 / head);
            text.addProperty("num_key_value_heads", 2);
            text.addProperty("vocab_size", 96);
            return ConfigJson.read(json);
        }
    }

    /** The same numbers as fp32 arrays. */
    private static LanguageModel widened(NDManager manager, LanguageModel model) {
        DecoderWeights w = model.decoder().weights();
        List<LayerWeights> layers = w.layers().stream()
                .map(layer -> new LayerWeights(copies(layer.attention()), copies(layer.mlp())))
                .toList();
        NDArray embedding = w.embedding().duplicate();
        NDArray head = w.isTied() ? embedding : w.head().duplicate();
        DecoderWeights all = new DecoderWeights(manager, Dtype.FP32, embedding, layers, w.finalNorm(), head);
        return LanguageModel.dense("widened", "", model.tokenizer(), model.config(), all)
                .withStep(DecodingStep.ENGINE);
    }

    private static List<NDArray> copies(List<NDArray> arrays) {
        return arrays.stream().map(NDArray::duplicate).toList();
    }

    private static LanguageModel random(NDManager manager, DecoderConfig config, Dtype dtype, long seed) {
        DecoderWeights weights = WeightLoader.random(config, manager, dtype, seed);
        return LanguageModel.dense("random", "", Golden.numbers(config.vocabulary()), config, weights);
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void everyStepEqualsTheModelOfTheSameNumbers(String family) {
        DecoderConfig config = shape(family);
        for (Dtype dtype : blocks()) {
            try (NDManager manager = Torch.manager(Device.cpu())) {
                LanguageModel model = random(manager, config, dtype, 3);
                LanguageModel wide = widened(manager, random(manager, config, dtype, 3));
                assertThat(model.dtype()).isEqualTo(dtype);
                assertThat(model.decoding()).startsWith("Java").contains("of blocks as they are");
                for (KvPolicy kv : KvPolicy.values()) {
                    ForcedPolicy policy = new ForcedPolicy(0.4, 0.4, Pattern.UNIFORM, kv, config.layers(), 11);
                    compare(model.withPolicy(policy), wide.withPolicy(policy), dtype + " " + kv);
                }
                assertThat(model.logits(IDS)[0]).as("whole texts").hasDimensions(IDS.length, config.vocabulary());
                assertThat(CachedEngineTest.difference(model.logits(IDS)[0], wide.logits(IDS)[0]))
                        .as("whole texts, " + dtype)
                        .isLessThan(TOLERANCE);
            }
        }
    }

    // Java's step and the engine's over the same blocks, behind a prompt that the engine reads.
    private static void compare(LanguageModel model, LanguageModel wide, String what) {
        try (Session expected = wide.session(1);
                Session java = model.session(1);
                Session engine = model.withStep(DecodingStep.ENGINE).session(1)) {
            int prompt = 7;
            int[] first = Arrays.copyOf(IDS, prompt);
            float[][] theirs = expected.append(first);
            assertThat(CachedEngineTest.difference(java.append(first), theirs))
                    .as(what + ", prompt")
                    .isLessThan(TOLERANCE);
            engine.append(first);
            for (int t = prompt; t < IDS.length; t++) {
                theirs = expected.append(new int[] {IDS[t]});
                assertThat(CachedEngineTest.difference(java.append(new int[] {IDS[t]}), theirs))
                        .as(what + ", Java, token " + t)
                        .isLessThan(TOLERANCE);
                assertThat(CachedEngineTest.difference(engine.append(new int[] {IDS[t]}), theirs))
                        .as(what + ", engine, token " + t)
                        .isLessThan(TOLERANCE);
            }
            assertThat(java.executionRates()).isEqualTo(expected.executionRates());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1"})
    void blocksTakeTheBytesTheySay(Dtype dtype) {
        DecoderConfig config = shape("llama3");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(config, manager, dtype, 1);
            long table = (long) config.vocabulary() * config.width();
            long layer = config.parameters(new ModuleSite(0, ModuleKind.ATTENTION))
                    + config.parameters(new ModuleSite(0, ModuleKind.MLP));
            double ends = (config.tiedHead() ? 1 : 2) * table * Dtype.Q8_0.bytes();

            assertThat((double) weights.blockBytes()).isEqualTo(ends + config.layers() * layer * dtype.bytes());
        }
    }

    @Test
    void aFilesBlocksStayAsTheyAreStored(@TempDir Path folder) {
        DecoderConfig config = shape("qwen3");
        Path file = folder.resolve("tiny.gguf");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel made = random(manager, config, Dtype.FP32, 5);
            Map<String, Object> tokens = Map.of(
                    "tokenizer.ggml.tokens",
                    IntStream.range(0, config.vocabulary())
                            .mapToObj(Integer::toString)
                            .toList());
            GgufSaver.save("tiny", config, made.decoder().weights(), GgufStorage.Q8_0, tokens, Map.of(), file);
            try (GgufFile stored = GgufFile.open(file)) {
                DecoderWeights fp32 = WeightLoader.load(config, stored, manager, Dtype.FP32);
                for (Dtype asked : blocks()) {
                    DecoderWeights held = WeightLoader.load(config, stored, manager, asked);
                    assertThat(held.storedEmbedding()
                                    .blocks()
                                    .orElseThrow()
                                    .format()
                                    .dtype())
                            .isEqualTo(Dtype.Q8_0);
                    for (int layer = 0; layer < config.layers(); layer++) {
                        List<NDArray> theirs = fp32.layers().get(layer).attention();
                        List<NDArray> ours = held.layers().get(layer).attention();
                        for (int i = 0; i < theirs.size(); i++) {
                            assertThat(ours.get(i).toFloatArray())
                                    .as("%s, layer %d, array %d", asked, layer, i)
                                    .isEqualTo(theirs.get(i).toFloatArray());
                        }
                    }
                    assertThat(held.embedding().toFloatArray())
                            .isEqualTo(fp32.embedding().toFloatArray());
                }
            }
        }
    }

    @Test
    void matricesWithoutWholeBlocksStayFp32AndAModelWithoutAnyIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden narrow = Golden.family("llama2");
                Golden mixed = Golden.family("llama3")) {
            assertThatThrownBy(() -> narrow.model(manager, Dtype.Q4_0))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("whole blocks of 32")
                    .hasMessageContaining("q4_0")
                    .hasMessageContaining("fp32 or bf16");
            LanguageModel model = mixed.model(manager, Dtype.Q8_0);
            List<Boolean> inBlocks = model.decoder().weights().layers().get(0).stored(ModuleKind.MLP).stream()
                    .map(one -> one.blocks().isPresent())
                    .toList();
            // norm, (2F, 64), (64, 112)
            assertThat(inBlocks).containsExactly(false, true, false);
            compare(model, widened(manager, mixed.model(manager, Dtype.Q8_0)), "llama3");
        }
    }

    @Test
    void blocksAreNotTrainedAndAdaptersCount() {
        DecoderConfig config = shape("qwen2");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = random(manager, config, Dtype.Q8_0, 3);
            assertThatThrownBy(() -> model.decoder().weights().changing())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("cannot be trained")
                    .hasMessageContaining("fp32 or bf16");

            Adapter adapter = RowStepEngineTest.adapter(manager, config);
            compare(
                    model.withAdapter(adapter),
                    widened(manager, random(manager, config, Dtype.Q8_0, 3)).withAdapter(adapter),
                    "adapted");
        }
    }

    @Test
    void whoAsksForArraysGetsTheNumbersAndThenTheyStay() {
        DecoderConfig config = shape("llama3");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = random(manager, config, Dtype.Q4_1, 3);
            float[] before = last(model);
            String hash = model.decoder().weights().hash();
            LayerWeights layer = model.decoder().weights().layers().get(0);

            List<NDArray> arrays = layer.mlp();

            assertThat(layer.mlp()).isSameAs(arrays);
            assertThat(arrays.get(1).getShape().getShape()).containsExactly(2L * config.hidden(), config.width());
            assertThat(last(model)).isEqualTo(before);
            assertThat(model.decoder().weights().hash()).isEqualTo(hash);
            assertThat(model.decoder().weights().dtype()).isEqualTo(Dtype.Q4_1);
        }
    }

    private static float[] last(LanguageModel model) {
        float[][] all = CachedEngineTest.oneByOne(model, IDS);
        return all[all.length - 1];
    }
}
