package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.Rotation;

/** GGUF files read as the gguf package and transformers read them; the files and numbers come from make_gguf.py. */
class GgufFileTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/gguf");

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen3", "gemma2", "gemma3", "smollm3", "olmo2"})
    void everyTensorIsWhatAnotherReaderFinds(String family) throws NoSuchAlgorithmException {
        JsonObject sums = Json.object(GOLDEN.resolve(family + ".json"));
        try (GgufFile file = GgufFile.open(GOLDEN.resolve(family + ".gguf"))) {
            assertThat(file.names()).containsExactlyInAnyOrderElementsOf(sums.keySet());
            for (String name : file.names()) {
                float[] values = file.floats(name);
                ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(values);
                String sum = HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
                assertThat(sum).as(name).isEqualTo(sums.get(name).getAsString());
            }
        }
    }

    @Test
    void blocksOf256ElementsBecomeTheFloatsOfTheGgufPackage() {
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("blocks.gguf"));
                SafeTensors expected = SafeTensors.open(GOLDEN.resolve("blocks.safetensors"))) {
            assertThat(file.types()).containsOnlyKeys("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K");
            for (String name : expected.names()) {
                float[] wanted = expected.floats(name);
                float[] found = file.floats(name);
                for (int i = 0; i < wanted.length; i++) {
                    // Sums of two products round differently by an ulp of the larger.
                    assertThat(found[i]).as("%s %d", name, i).isCloseTo(wanted[i], within(wanted));
                }
            }
        }
    }

    private static org.assertj.core.data.Offset<Float> within(float[] all) {
        float most = 0;
        for (float f : all) {
            most = Math.max(most, Math.abs(f));
        }
        return org.assertj.core.api.Assertions.within(most * 1e-6f);
    }

    @Test
    void aPieceIsPartOfTheWhole() {
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("llama3.gguf"))) {
            for (String name : file.names()) {
                TensorInfo info = file.info(name);
                byte[] whole = new byte[(int) info.byteSize()];
                file.bytes(name, 0, whole.length).get(whole);
                SplittableRandom random = new SplittableRandom(3);
                for (int i = 0; i < 5; i++) {
                    int from = random.nextInt(whole.length);
                    int length = 1 + random.nextInt(whole.length - from);
                    byte[] piece = new byte[length];
                    file.bytes(name, from, length).get(piece);
                    assertThat(piece).isEqualTo(java.util.Arrays.copyOfRange(whole, from, from + length));
                }
            }
        }
    }

    @Test
    void rotaryFactorsAreLlama3OrRefused() {
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("llama3.gguf"))) {
            JsonObject scaling = file.config().getAsJsonObject("rope_scaling");
            assertThat(scaling.get("rope_type").getAsString()).isEqualTo("llama3");
            assertThat(scaling.get("factor").getAsDouble()).isEqualTo(8);
        }
        assertThatThrownBy(() -> GgufFile.open(GOLDEN.resolve("llama31.gguf")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("rope_freqs.weight");
    }

    @Test
    void everyFourthLayerOfSmolLm3KnowsNoPositions() {
        Map<String, Object> values = new HashMap<>(Map.of("general.architecture", "smollm3"));
        Map.of("block_count", 5, "context_length", 64, "embedding_length", 32, "feed_forward_length", 48)
                .forEach((name, value) -> values.put("smollm3." + name, value));
        Map.of("attention.head_count", 4, "attention.layer_norm_rms_epsilon", 1e-6, "vocab_size", 8)
                .forEach((name, value) -> values.put("smollm3." + name, value));
        Path path = Path.of("small.gguf");

        Rotation turning = Rotation.of(10000);
        assertThat(ConfigJson.read(GgufFile.config(path, values, false, new float[0]))
                        .rotations())
                .containsExactly(turning, turning, turning, Rotation.NONE, turning);

        values.put("smollm3.attention.sliding_window", 8);
        assertThatThrownBy(() -> GgufFile.config(path, values, false, new float[0]))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("attention.sliding_window");
    }

    @Test
    void valuesThatMayChangeTheArithmeticAreRefusedByName(@TempDir Path folder) throws IOException {
        byte[] bytes = Files.readAllBytes(GOLDEN.resolve("llama3.gguf"));
        Path changed = folder.resolve("changed.gguf");
        for (String[] change : new String[][] {
            {"llama.vocab_size", "llama.foxes_size", "llama.foxes_size"},
            {"blk.0.attn_q.weight", "blk.0.attn_z.weight", "blk.0.attn_z.weight"},
            {"\u0005\0\0\0\0\0\0\0llama", "\u0005\0\0\0\0\0\0\0lambs", "lambs"}
        }) {
            Files.write(changed, replaced(bytes, change[0], change[1]));
            assertThatThrownBy(() -> GgufFile.open(changed))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(change[2]);
        }
    }

    private static byte[] replaced(byte[] bytes, String from, String to) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int at = text.indexOf(from);
        assertThat(at).isPositive();
        return (text.substring(0, at) + to + text.substring(at + from.length())).getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void damagedFilesEndInAnErrorThatNamesThem(@TempDir Path folder) throws IOException {
        byte[] whole = Files.readAllBytes(GOLDEN.resolve("blocks.gguf"));
        SplittableRandom random = new SplittableRandom(11);
        Path damaged = folder.resolve("damaged.gguf");
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = whole.clone();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                bytes[random.nextInt(1200)] = (byte) random.nextInt();
            }
            Files.write(damaged, i % 3 == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes);
            try (GgufFile file = GgufFile.open(damaged)) {
                for (String name : file.names()) {
                    file.floats(name);
                }
            } catch (CheckpointException e) {
                assertThat(e).hasMessageMatching("(?s).*(damaged\\.gguf|GGUF tensor).*");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    @Test
    void aFolderWithOneFileIsThatFile(@TempDir Path folder) throws IOException {
        assertThat(GgufFile.onlyIn(folder)).isEmpty();
        Files.copy(GOLDEN.resolve("llama3.gguf"), folder.resolve("a.gguf"));
        assertThat(GgufFile.onlyIn(folder)).contains(folder.resolve("a.gguf"));
        Files.copy(GOLDEN.resolve("llama3.gguf"), folder.resolve("b.GGUF"));
        assertThatThrownBy(() -> GgufFile.onlyIn(folder)).hasMessageContaining("several GGUF files");
    }
}
