package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Llama2cFileTest {
    private static final int DIM = 8;
    private static final int HIDDEN = 12;
    private static final int LAYERS = 2;
    private static final int KV_DIM = 4;
    private static final int VOCAB = 5;
    private static final int CONTEXT = 3;
    private static final int GROUP = 4;

    private final Path folder;

    Llama2cFileTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void tensorsOfAFloatFileLieInTheDocumentedOrder() throws IOException {
        try (Llama2cFile file = Llama2cFile.open(file(legacy(VOCAB)))) {
            // every float of the file is its own index
            assertThat(file.floats("model.embed_tokens.weight"))
                    .hasSize(VOCAB * DIM)
                    .startsWith(0, 1);
            int at = VOCAB * DIM;
            assertThat(file.floats("model.layers.1.input_layernorm.weight")).startsWith(at + DIM);
            at += LAYERS * DIM;
            assertThat(file.floats("model.layers.1.self_attn.q_proj.weight")).startsWith(at + DIM * DIM);
            at += LAYERS * DIM * DIM;
            assertThat(file.floats("model.layers.0.self_attn.k_proj.weight")).startsWith(at);
            at += LAYERS * KV_DIM * DIM;
            assertThat(file.floats("model.layers.1.self_attn.v_proj.weight")).startsWith(at + KV_DIM * DIM);
            at += LAYERS * KV_DIM * DIM;
            assertThat(file.floats("model.layers.0.self_attn.o_proj.weight")).startsWith(at);
            at += LAYERS * DIM * DIM;
            assertThat(file.floats("model.layers.0.post_attention_layernorm.weight"))
                    .startsWith(at);
            at += LAYERS * DIM;
            assertThat(file.floats("model.layers.0.mlp.gate_proj.weight")).startsWith(at);
            at += LAYERS * HIDDEN * DIM;
            assertThat(file.floats("model.layers.0.mlp.down_proj.weight")).startsWith(at);
            assertThat(file.info("model.layers.0.mlp.down_proj.weight").shape()).containsExactly(DIM, HIDDEN);
            at += LAYERS * HIDDEN * DIM;
            assertThat(file.floats("model.layers.1.mlp.up_proj.weight")).startsWith(at + HIDDEN * DIM);
            at += LAYERS * HIDDEN * DIM;
            assertThat(file.floats("model.norm.weight")).hasSize(DIM).startsWith(at);
            assertThat(file.names()).hasSize(2 + 9 * LAYERS).doesNotContain("lm_head.weight");
            assertThat(file.ropeInterleaved()).isTrue();
        }
    }

    @Test
    void aHeadOfItsOwnFollowsTheAngleTables() throws IOException {
        try (Llama2cFile file = Llama2cFile.open(file(legacy(-VOCAB)))) {
            float last = file.floats("lm_head.weight")[VOCAB * DIM - 1];
            assertThat(last).isEqualTo(Files.size(folder.resolve("model.bin")) / 4f - 7 - 1);
            assertThat(file.config().get("tie_word_embeddings").getAsBoolean()).isFalse();
            assertThat(file.config().get("vocab_size").getAsInt()).isEqualTo(VOCAB);
        }
    }

    @Test
    void theConfigurationIsInHuggingFaceTerms() throws IOException {
        try (Llama2cFile file = Llama2cFile.open(file(legacy(VOCAB)))) {
            JsonObject config = file.config();
            assertThat(config.getAsJsonArray("architectures").get(0).getAsString())
                    .isEqualTo("LlamaForCausalLM");
            assertThat(config.get("hidden_size").getAsInt()).isEqualTo(DIM);
            assertThat(config.get("intermediate_size").getAsInt()).isEqualTo(HIDDEN);
            assertThat(config.get("num_hidden_layers").getAsInt()).isEqualTo(LAYERS);
            assertThat(config.get("num_attention_heads").getAsInt()).isEqualTo(2);
            assertThat(config.get("num_key_value_heads").getAsInt()).isEqualTo(1);
            assertThat(config.get("max_position_embeddings").getAsInt()).isEqualTo(CONTEXT);
            assertThat(config.get("rms_norm_eps").getAsDouble()).isEqualTo(1e-5);
            assertThat(config.get("tie_word_embeddings").getAsBoolean()).isTrue();
        }
    }

    @Test
    void whatIsReadIsWhatIsMapped() throws IOException {
        for (byte[] data : List.of(legacy(VOCAB), version2())) {
            try (Llama2cFile file = Llama2cFile.open(file(data))) {
                Readings.check(file);
            }
        }
    }

    @Test
    void int8ValuesAreMultipliedByTheScaleOfTheirGroup() throws IOException {
        try (Llama2cFile file = Llama2cFile.open(file(version2()))) {
            assertThat(file.groupSize()).isEqualTo(GROUP);
            float[] values = file.floats("model.layers.1.mlp.up_proj.weight");
            float[] expected = new float[HIDDEN * DIM];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = (byte) (i * 7) * scale(i / GROUP);
            }
            assertThat(values).isEqualTo(expected);

            ByteBuffer whole = file.bytes("model.layers.1.mlp.up_proj.weight", 0, expected.length * 4);
            Random random = new Random(3);
            for (int i = 0; i < 200; i++) {
                int from = random.nextInt(whole.capacity());
                int length = 1 + random.nextInt(whole.capacity() - from);
                assertThat(file.bytes("model.layers.1.mlp.up_proj.weight", from, length))
                        .isEqualTo(whole.slice(from, length));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "0, -8", "1, 3000000", "2, 0", "2, 2000", "3, 3", "4, 3", "4, 0", "5, 0", "6, -1", "6, 4"})
    void aHeaderThatDoesNotFitIsRefused(int field, int value) throws IOException {
        byte[] data = legacy(VOCAB);
        littleEndian(data).putInt(field * 4, value);
        Path path = file(data);

        assertThatThrownBy(() -> Llama2cFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("llama2.c");
    }

    @Test
    void cutAndLongerFilesAndOtherVersionsAreRefused() throws IOException {
        byte[] good = version2();
        for (int length : new int[] {0, 3, 27, 28, 100, 255, 256, good.length - 1, good.length + 1}) {
            Path path = file(Arrays.copyOf(good, length));
            assertThatThrownBy(() -> Llama2cFile.open(path))
                    .as("%s bytes", length)
                    .isInstanceOf(CheckpointException.class);
        }
        byte[] other = version2();
        littleEndian(other).putInt(4, 1);
        Path path = file(other);
        assertThatThrownBy(() -> Llama2cFile.open(path)).hasMessageContaining("version is 1");
        byte[] ungrouped = version2();
        littleEndian(ungrouped).putInt(37, 5);
        Path groups = file(ungrouped);
        assertThatThrownBy(() -> Llama2cFile.open(groups)).hasMessageContaining("group size 5");
    }

    @Test
    void theInt8FormOfAPublishedModelIsCloseToItsFloatForm() {
        Path data = SharedData.folder();
        assumeThat(data).as("the shared data folder").isDirectory();

        try (Llama2cFile floats = Llama2cFile.open(data.resolve("stories260K/stories260K.bin"));
                Llama2cFile bytes = Llama2cFile.open(data.resolve("stories260K/stories260K-q80-gs8.bin"))) {
            assertThat(floats.names()).hasSize(47).containsExactlyInAnyOrderElementsOf(bytes.names());
            assertThat(floats.names().stream()
                            .mapToLong(name -> floats.info(name).elements())
                            .sum())
                    .isEqualTo(260_032);
            for (String name : floats.names()) {
                float[] a = floats.floats(name);
                float[] b = bytes.floats(name);
                float greatest = 0;
                for (float value : a) {
                    greatest = Math.max(greatest, Math.abs(value));
                }
                // half a step of the coarsest group, and rounding
                for (int i = 0; i < a.length; i++) {
                    assertThat(b[i]).as(name).isCloseTo(a[i], within(greatest / 127 * 0.51f));
                }
            }
        }
    }

    private Path file(byte[] data) throws IOException {
        return Files.write(folder.resolve("model.bin"), data);
    }

    private static byte[] legacy(int vocab) {
        int floats = VOCAB * DIM
                + LAYERS * (2 * DIM + 2 * DIM * DIM + 2 * KV_DIM * DIM + 3 * HIDDEN * DIM)
                + DIM
                + CONTEXT * 4
                + (vocab < 0 ? VOCAB * DIM : 0);
        byte[] bytes = new byte[28 + 4 * floats];
        ByteBuffer data = littleEndian(bytes);
        header(data, vocab);
        for (int i = 0; i < floats; i++) {
            data.putFloat(i);
        }
        return bytes;
    }

    private static byte[] version2() {
        byte[] bytes = new byte[1 << 16];
        ByteBuffer data = littleEndian(bytes);
        data.putInt(0x616b3432).putInt(2);
        header(data, VOCAB);
        data.put((byte) 1).putInt(GROUP).position(256);
        for (int i = 0; i < (2 * LAYERS + 1) * DIM; i++) {
            data.putFloat(i);
        }
        quantised(data, VOCAB * DIM, 1);
        quantised(data, DIM * DIM, LAYERS);
        quantised(data, KV_DIM * DIM, 2 * LAYERS);
        quantised(data, DIM * DIM, LAYERS);
        quantised(data, HIDDEN * DIM, 3 * LAYERS);
        return Arrays.copyOf(bytes, data.position());
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static float scale(int group) {
        return 0.5f + group;
    }

    private static void header(ByteBuffer data, int vocab) {
        data.putInt(DIM)
                .putInt(HIDDEN)
                .putInt(LAYERS)
                .putInt(2)
                .putInt(1)
                .putInt(vocab)
                .putInt(CONTEXT);
    }

    private static void quantised(ByteBuffer data, int elements, int times) {
        for (int t = 0; t < times; t++) {
            for (int i = 0; i < elements; i++) {
                data.put((byte) (i * 7));
            }
            for (int g = 0; g < elements / GROUP; g++) {
                data.putFloat(scale(g));
            }
        }
    }
}
