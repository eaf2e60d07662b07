package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.Json;
import org.skipgpt.model.FamilyGoldenTest;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Sha256;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * GGUF files written here are the models they were written from, to this library and to llama.cpp, whose logits
 * make_written.py took from the very same bytes.
 */
class GgufWrittenTest {
    private static final Path GOLDEN = Golden.root().resolve("gguf/written.json");
    private static final List<String> FAMILIES = List.of("llama2", "llama3", "mistral", "qwen2", "qwen3", "gemma2");
    /** Sums in another order, seen in logits of order 1. */
    private static final double LLAMA_CPP = 1e-4;
    /** llama.cpp takes the GELU of Gemma from a table of halves. */
    private static final double LLAMA_CPP_GELU = 5e-3;

    /** Writes the files that make_written.py gives to llama.cpp. */
    public static void main(String[] folder) {
        for (String family : FAMILIES) {
            write(family, Path.of(folder[0], family + ".gguf"), GgufStorage.F32);
        }
    }

    private static void write(String family, Path file, GgufStorage storage) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            save(sayable(golden.model(manager)), file, storage);
        }
    }

    // Mistral's window and a scale of Gemma's queries that is not the head's width have no place in GGUF.
    private static LanguageModel sayable(LanguageModel model) {
        JsonObject json = ConfigJson.write(model.config());
        if (model.config().family().equals("mistral")) {
            json.add("sliding_window", JsonNull.INSTANCE);
        } else if (model.config().family().equals("gemma2")) {
            json.addProperty("query_pre_attn_scalar", model.config().headDim());
        }
        return LanguageModel.dense(
                model.name(),
                "",
                model.tokenizer(),
                ConfigJson.read(json),
                model.decoder().weights());
    }

    private static void save(LanguageModel model, Path file, GgufStorage storage) {
        GgufSaver.save(
                model.name(),
                model.config(),
                model.decoder().weights(),
                storage,
                tokens(model.config().vocabulary()),
                Map.of(),
                file);
    }

    private static Map<String, Object> tokens(int vocabulary) {
        Map<String, Object> tokens = new LinkedHashMap<>();
        tokens.put("tokenizer.ggml.model", "llama");
        tokens.put("tokenizer.ggml.pre", "default");
        tokens.put(
                "tokenizer.ggml.tokens",
                IntStream.range(0, vocabulary).mapToObj(i -> "t" + i).toList());
        tokens.put(
                "tokenizer.ggml.scores",
                IntStream.range(0, vocabulary).mapToObj(i -> (double) -i).toList());
        tokens.put(
                "tokenizer.ggml.token_type",
                IntStream.range(0, vocabulary).mapToObj(i -> 1L).toList());
        return tokens;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2", "qwen3", "gemma2"})
    void llamaCppRunsTheSameBytesToTheSameLogits(String family, @TempDir Path folder) throws IOException {
        JsonObject golden = Json.object(GOLDEN).getAsJsonObject(family);
        Path file = folder.resolve(family + ".gguf");
        write(family, file, GgufStorage.F32);
        assertThat(Sha256.of(file)).as("the file that llama.cpp was given").isEqualTo(text(golden, "sha256"));

        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = read(file, manager);
            int[] ids = new Gson().fromJson(golden.get("ids"), int[].class);
            float[] theirs = new Gson().fromJson(golden.get("last"), float[].class);
            int[] greedy = new Gson().fromJson(golden.get("greedy"), int[].class);
            float[][] own = model.logits(ids)[0];
            assertThat(FamilyGoldenTest.maxDifference(own[ids.length - 1], theirs))
                    .isLessThan(family.equals("gemma2") ? LLAMA_CPP_GELU : LLAMA_CPP);
            GenerationOptions options =
                    GenerationOptions.defaults().withMaxTokens(greedy.length).withoutEnd();
            assertThat(model.generateIds(options, ids).continuations().get(0).tokens())
                    .isEqualTo(greedy);
        }
    }

    private static String text(JsonObject object, String name) {
        return object.get(name).getAsString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "mistral", "qwen2", "qwen3", "gemma2"})
    void readAgainEveryWeightIsEqualBitForBit(String family, @TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = sayable(golden.model(manager));
            save(model, folder.resolve("a.gguf"), GgufStorage.F32);

            LanguageModel again = read(folder.resolve("a.gguf"), manager);

            List<NDArray> before = model.decoder().weights().all();
            List<NDArray> after = again.decoder().weights().all();
            assertThat(after).hasSameSizeAs(before);
            for (int i = 0; i < before.size(); i++) {
                assertThat(after.get(i).toFloatArray())
                        .as("array %d", i)
                        .isEqualTo(before.get(i).toFloatArray());
            }
            assertThat(again.logits(golden.ids(0))).isDeepEqualTo(model.logits(golden.ids(0)));
            // without a window Mistral is a LLaMA, and called so
            assertThat(again.config().toString().replace("llama", "mistral"))
                    .isEqualTo(model.config().toString().replace("llama", "mistral"));
            assertThat(again.config().equals(model.config())).isEqualTo(!family.equals("mistral"));
        }
    }

    @ParameterizedTest
    @CsvSource({"llama3, BF16", "gemma2, F16", "qwen2, Q8_0", "mistral, Q8_0"})
    void writingWhatWasReadGivesTheSameBytes(String family, GgufStorage storage, @TempDir Path folder)
            throws IOException {
        Path first = folder.resolve(family + ".gguf");
        write(family, first, storage);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            save(read(first, manager).named(family), folder.resolve("b.gguf"), storage);
        }

        assertThat(first).hasSameBinaryContentAs(folder.resolve("b.gguf"));
        try (GgufFile file = GgufFile.open(first);
                var files = Files.list(folder)) {
            assertThat(file.types()).containsKeys(storage.name(), "F32");
            assertThat(files).as("nothing temporary is left").hasSize(2);
        }
    }

    @Test
    void neighbouringRotaryPairsStayWhatTheyAre(@TempDir Path folder) {
        DecoderConfig halves = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
        JsonObject json = ConfigJson.write(halves);
        json.addProperty("rope_interleaved", true);
        DecoderConfig pairs = ConfigJson.read(json);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(pairs, manager, Dtype.FP32, 3);
            LanguageModel model = LanguageModel.dense("pairs", "", Golden.numbers(64), pairs, weights);
            save(model, folder.resolve("a.gguf"), GgufStorage.F32);

            LanguageModel again = read(folder.resolve("a.gguf"), manager);

            int[] ids = {1, 5, 9, 2, 40, 63, 7};
            float[] before = FamilyGoldenTest.flat(model.logits(ids)[0]);
            assertThat(FamilyGoldenTest.maxDifference(FamilyGoldenTest.flat(again.logits(ids)[0]), before))
                    .isLessThan(1e-6);
        }
    }

    @Test
    void whatGgufCannotSayIsRefusedByName(@TempDir Path folder) {
        DecoderConfig llama = DecoderConfig.llama(64, 32, 48, 4, 4, 2);
        refused(folder, changed(llama, "hidden_act", "gelu_pytorch_tanh"), "hidden_act", "silu");
        JsonObject window = ConfigJson.write(llama);
        window.addProperty("model_type", "mistral");
        window.addProperty("sliding_window", 16);
        refused(folder, ConfigJson.read(window), "sliding windows", "export(model");
        JsonObject scaling = ConfigJson.write(llama);
        scaling.add("rope_scaling", Json.object("""
                {"rope_type": "llama3", "factor": 5, "low_freq_factor": 1, "high_freq_factor": 4,
                 "original_max_position_embeddings": 8192}""", "rope_scaling"));
        refused(folder, ConfigJson.read(scaling), "rope_freqs.weight", "Llama 3.1");
        refused(
                folder,
                llama.withShapes(List.of(
                        new LayerShape(4, 2, 48, 32, false), new LayerShape(4, 2, 48, 32, false),
                        new LayerShape(4, 2, 16, 32, false), new LayerShape(4, 2, 48, 32, false))),
                "shapes");
        try (Golden golden = Golden.family("gemma2");
                NDManager manager = Torch.manager(Device.cpu())) {
            refused(folder, golden.model(manager).config(), "query_pre_attn_scalar 24", "read as 16");
            DecoderConfig gemma = sayable(golden.model(manager)).config();
            List<Integer> odd = IntStream.range(0, gemma.layers())
                    .filter(i -> i != 1)
                    .boxed()
                    .toList();
            refused(folder, gemma.withLayers(odd), "take turns", "pairs of neighbours");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void rowsThatAreNoWholeBlocksAndFilesThatAreThereAreRefused(@TempDir Path folder) throws IOException {
        DecoderConfig narrow = DecoderConfig.llama(64, 48, 40, 1, 4, 2);
        Path file = folder.resolve("a.gguf");
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(narrow, manager, Dtype.FP32, 3);
            assertThatThrownBy(() -> save(narrow, weights, GgufStorage.Q8_0, file))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("model.embed_tokens.weight")
                    .hasMessageContaining("multiple of 32")
                    .hasMessageContaining("F16");
            assertThat(folder).isEmptyDirectory();
            save(narrow, weights, GgufStorage.F16, file);
            byte[] before = Files.readAllBytes(file);
            assertThatThrownBy(() -> save(narrow, weights, GgufStorage.F16, file))
                    .hasMessageContaining("not written over");
            assertThat(Files.readAllBytes(file)).isEqualTo(before);
        }
        assertThatThrownBy(() -> GgufStorage.of("Q4_K"))
                .hasMessageContaining("Q4_K")
                .hasMessageContaining("llama-quantize");
        assertThat(GgufStorage.of("q8_0")).isEqualTo(GgufStorage.Q8_0);
    }

    private static DecoderConfig changed(DecoderConfig config, String name, String value) {
        JsonObject json = ConfigJson.write(config);
        json.addProperty(name, value);
        return ConfigJson.read(json);
    }

    private static void refused(Path folder, DecoderConfig config, String... told) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            // refused before any weight is looked at
            DecoderWeights weights =
                    WeightLoader.random(DecoderConfig.llama(64, 32, 48, 4, 4, 2), manager, Dtype.FP32, 3);
            assertThatThrownBy(() -> save(config, weights, GgufStorage.F32, folder.resolve("a.gguf")))
                    .isInstanceOf(CheckpointException.class)
                    .satisfies(e ->
                            Arrays.stream(told).forEach(part -> assertThat(e).hasMessageContaining(part)));
        }
    }

    private static void save(DecoderConfig config, DecoderWeights weights, GgufStorage storage, Path file) {
        GgufSaver.save("a", config, weights, storage, tokens(config.vocabulary()), Map.of(), file);
    }

    private static LanguageModel read(Path path, NDManager manager) {
        try (GgufFile file = GgufFile.open(path)) {
            DecoderConfig config = ConfigJson.read(file.config());
            DecoderWeights weights = WeightLoader.load(config, file, manager, Dtype.FP32);
            return LanguageModel.dense("again", "", Golden.numbers(config.vocabulary()), config, weights);
        }
    }
}
