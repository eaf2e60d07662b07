package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** Which tensors make a model, and which are refused. */
class WeightLoaderEngineTest {
    private static final Path FAMILIES = Golden.root().resolve("families");

    private final Path folder;

    WeightLoaderEngineTest(@TempDir Path folder) {
        this.folder = folder;
    }

    private static void set(Map<String, float[]> tensors, String name, int at, float value) {
        Objects.requireNonNull(tensors.get(name))[at] = value;
    }

    private float[][] logits(String family, List<ModuleSite> dropped, Consumer<Map<String, float[]>> change) {
        Path file = folder.resolve("changed.safetensors");
        DecoderConfig config;
        try (HuggingFaceFolder read = HuggingFaceFolder.open(FAMILIES.resolve(family))) {
            config = ConfigJson.read(read.config());
            Map<String, float[]> tensors = new LinkedHashMap<>();
            Map<Integer, long[]> shapes = new LinkedHashMap<>();
            read.tensors().names().forEach(name -> {
                float[] numbers = read.tensors().floats(name);
                shapes.put(
                        System.identityHashCode(numbers),
                        read.tensors().info(name).shape());
                tensors.put(name, numbers);
            });
            change.accept(tensors);
            write(file, tensors, shapes);
        }
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors tensors = SafeTensors.open(file)) {
            DecoderWeights weights = WeightLoader.load(config, tensors, manager, Dtype.FP32, dropped);
            return LanguageModel.dense("changed", "none", Golden.numbers(config.vocabulary()), config, weights)
                    .logits(new int[] {5, 6, 7, 8})[0];
        }
    }

    private static void write(Path file, Map<String, float[]> tensors, Map<Integer, long[]> shapes) {
        List<TensorInfo> infos = new ArrayList<>();
        tensors.forEach((name, numbers) -> infos.add(new TensorInfo(
                name, "F32", shapes.getOrDefault(System.identityHashCode(numbers), new long[] {numbers.length}))));
        try (SafeTensorsWriter out = SafeTensorsWriter.create(file, infos)) {
            tensors.forEach((name, numbers) -> {
                ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(numbers);
                out.write(name, bytes);
            });
            out.finish();
        }
    }

    @Test
    void aNumberThatIsNotFiniteIsRefusedByTensor() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (String name : List.of("model.layers.2.mlp.up_proj.weight", "model.norm.weight", "lm_head.weight")) {
                assertThatThrownBy(() -> logits("llama3", List.of(), tensors -> set(tensors, name, 5, bad)))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining(name)
                        .hasMessageContaining("NaN or infinite");
            }
        }
    }

    @Test
    void oppositeInfinitiesAreRefusedToo() {
        assertThatThrownBy(() -> logits("llama3", List.of(), tensors -> {
                    set(tensors, "model.norm.weight", 1, Float.POSITIVE_INFINITY);
                    set(tensors, "model.norm.weight", 2, Float.NEGATIVE_INFINITY);
                }))
                .hasMessageContaining("model.norm.weight");
    }

    @Test
    void tensorsOfLayersThatTheConfigurationLacksAreRefused() {
        for (String name : List.of(
                "model.layers.4.mlp.up_proj.weight",
                "model.layers.0.self_attn.q_proj.bias",
                "model.layers.1.self_attn.q_norm.weight",
                "model.layers.1.mlp.up_proj.weight_scale_inv")) {
            assertThatThrownBy(() -> logits("llama3", List.of(), tensors -> tensors.put(name, new float[3])))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(name)
                    .hasMessageContaining("4 layers");
        }
    }

    @Test
    void buffersOfOlderFilesChangeNothing() {
        float[][] plain = logits("llama3", List.of(), tensors -> {});

        float[][] with = logits("llama3", List.of(), tensors -> {
            tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", new float[4]);
            tensors.put("score.weight", new float[4]);
        });

        assertThat(with).isDeepEqualTo(plain);
    }

    @Test
    void namesWithoutPrefixAndAHeadThatIsTheEmbeddingAreRead() {
        float[][] plain = logits("qwen2", List.of(), tensors -> {});

        float[][] bare = logits("qwen2", List.of(), tensors -> {
            for (String name : List.copyOf(tensors.keySet())) {
                float[] numbers = tensors.remove(name);
                boolean embedding = name.equals("model.embed_tokens.weight");
                tensors.put(embedding ? "lm_head.weight" : name.replaceFirst("^model\\.", ""), numbers);
            }
        });

        assertThat(bare).isDeepEqualTo(plain);
    }

    @Test
    void onlyDroppedModulesMayBeMissing() {
        Consumer<Map<String, float[]>> withoutAttention = tensors -> tensors.keySet()
                .removeIf(name -> name.startsWith("model.layers.1.self_attn")
                        || name.equals("model.layers.1.input_layernorm.weight"));

        float[][] zeros = logits("llama3", List.of(new ModuleSite(1, ModuleKind.ATTENTION)), withoutAttention);

        assertThat(zeros[0]).doesNotContain(Float.NaN);
        assertThatThrownBy(() -> logits("llama3", List.of(new ModuleSite(1, ModuleKind.MLP)), withoutAttention))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.layers.1");
    }
}
