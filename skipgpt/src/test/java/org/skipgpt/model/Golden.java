package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.Placement;
import org.skipgpt.weights.WeightLoader;

/** Golden numbers of one tiny checkpoint, read from the test resources. */
public final class Golden implements AutoCloseable {
    private final HuggingFaceFolder folder;
    private final SafeTensors expected;

    private Golden(Path path) {
        this.folder = HuggingFaceFolder.open(path);
        this.expected = SafeTensors.open(path.resolve("expected.safetensors"));
    }

    /** The tiny checkpoints, one a family or a kind of it, on which every law is tested. */
    public static List<String> families() {
        return List.of(
                "llama2", "llama3", "llama31", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "smollm3", "phi3",
                "olmo2");
    }

    public static Golden family(String name) {
        return new Golden(root().resolve("families").resolve(name));
    }

    public static Path root() {
        return Path.of("src/test/resources/golden");
    }

    public LanguageModel model(NDManager manager) {
        return model(manager, Dtype.FP32);
    }

    public LanguageModel model(NDManager manager, Dtype dtype) {
        DecoderConfig config = ConfigJson.read(folder.config());
        DecoderWeights weights = WeightLoader.load(config, folder.tensors(), manager, dtype);
        return LanguageModel.dense(
                folder.path().getFileName().toString(), folder.hash(), numbers(config.vocabulary()), config, weights);
    }

    public int[] ids(int sequence) {
        return ints(expected, "input_ids." + sequence);
    }

    public int[] integers(String name) {
        return ints(expected, name);
    }

    /** The same model with its layers where a map says. */
    public LanguageModel placed(NDManager manager, Dtype dtype, String map) {
        DecoderConfig config = ConfigJson.read(folder.config());
        Placement placement = placement(dtype, map);
        DecoderWeights weights = WeightLoader.load(config, folder.tensors(), manager, dtype, List.of(), placement);
        return LanguageModel.dense("placed", folder.hash(), numbers(config.vocabulary()), config, weights);
    }

    /** Where a map leaves its layers, with a gibibyte of memory. */
    public Placement placement(Dtype dtype, String map) {
        return Placement.of(map, ConfigJson.read(folder.config()), dtype, Map.of("cpu", 1L << 30), folder.tensors());
    }

    public float[] floats(String name) {
        return floats(expected, name);
    }

    public static float[] floats(SafeTensors file, String name) {
        TensorInfo info = file.info(name);
        float[] out = new float[(int) info.elements()];
        file.bytes(name, 0, 4 * out.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(out);
        return out;
    }

    public static int[] ints(SafeTensors file, String name) {
        long[] out = new long[(int) file.info(name).elements()];
        file.bytes(name, 0, 8 * out.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asLongBuffer()
                .get(out);
        return Arrays.stream(out).mapToInt(Math::toIntExact).toArray();
    }

    /** Decisions forced in every pattern under every K/V policy: 60 % of attention and half of the MLPs skipped. */
    static List<LayerPolicy> forced(int layers) {
        List<LayerPolicy> all = new ArrayList<>();
        for (KvPolicy kv : KvPolicy.values()) {
            for (ForcedPolicy.Pattern pattern : ForcedPolicy.Pattern.values()) {
                all.add(new ForcedPolicy(0.6, 0.5, pattern, kv, layers, 3));
            }
        }
        return all;
    }

    /** What a model says of the first sequence and of a short one beside it. */
    float[][][] logits(LanguageModel model, LayerPolicy policy, Execution execution) {
        return model.withPolicy(policy).withExecution(execution).logits(ids(0), new int[] {7, 9});
    }

    /** The largest difference of two numbers at one place. */
    public static double difference(float[][] a, float[][] b) {
        double worst = 0;
        assertThat(a.length).isEqualTo(b.length);
        for (int t = 0; t < a.length; t++) {
            for (int i = 0; i < a[t].length; i++) {
                worst = Math.max(worst, Math.abs((double) a[t][i] - b[t][i]));
            }
        }
        return worst;
    }

    /** A tokenizer that reads and writes ids as decimal numbers. */
    public static Tokenizer numbers(int vocabulary) {
        return new Numbers(vocabulary);
    }

    @Override
    public void close() {
        expected.close();
        folder.close();
    }

    private record Numbers(int vocabSize) implements Tokenizer {
        @Override
        public int[] encode(String text) {
            return Arrays.stream(text.strip().split("\\s+"))
                    .mapToInt(Integer::parseInt)
                    .toArray();
        }

        @Override
        public String decode(int[] ids) {
            StringBuilder out = new StringBuilder();
            for (int id : ids) {
                out.append(id).append(' ');
            }
            return out.toString();
        }

        @Override
        public String piece(int id) {
            return Integer.toString(id);
        }

        @Override
        public OptionalInt bos() {
            return OptionalInt.empty();
        }

        @Override
        public OptionalInt eos() {
            return OptionalInt.empty();
        }

        @Override
        public boolean addsBos() {
            return false;
        }
    }
}
