package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

class HuggingFaceFolderTest {
    private final Path folder;

    HuggingFaceFolderTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void oneFileAndShardsHoldTheSameModel() throws IOException {
        Path one = write("one", Long.MAX_VALUE);
        Path many = write("many", 16);

        try (var a = HuggingFaceFolder.open(one);
                var b = HuggingFaceFolder.open(many)) {
            assertThat(many.resolve("model-00002-of-00003.safetensors")).exists();
            assertThat(Json.object(many.resolve("model.safetensors.index.json"))
                            .getAsJsonObject("metadata")
                            .get("total_size")
                            .getAsLong())
                    .isEqualTo(48);
            assertThat(b.tensors().names())
                    .containsExactlyInAnyOrderElementsOf(a.tensors().names());
            for (String name : a.tensors().names()) {
                assertThat(b.tensors().info(name)).isEqualTo(a.tensors().info(name));
                assertThat(b.tensors().floats(name)).isEqualTo(a.tensors().floats(name));
            }
            assertThat(a.config().get("hidden_size").getAsInt()).isEqualTo(4);
            assertThat(a.generationConfig()).isEmpty();
            assertThat(b.hash()).isEqualTo(a.hash()).matches("[0-9a-f]{64}");
        }
    }

    @Test
    void whatIsReadIsWhatIsMapped() throws IOException {
        for (long shardBytes : new long[] {16, Long.MAX_VALUE}) {
            Path path = write("read " + shardBytes, shardBytes);
            try (var open = HuggingFaceFolder.open(path)) {
                Readings.check(open.tensors());

                Path last = path.resolve(shardBytes == 16 ? "model-00003-of-00003.safetensors" : "model.safetensors");
                byte[] bytes = Files.readAllBytes(last);
                TensorSource reading = open.tensors().reading(count -> {});
                Files.write(last, Arrays.copyOf(bytes, bytes.length - 1));
                assertThatThrownBy(() -> open.tensors().names().forEach(reading::floats))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContainingAll(last.getFileName().toString(), "changed while it was open");
                assertThatThrownBy(() -> open.tensors().reading(count -> {}))
                        .hasMessageContaining("changed while it was open");
                reading.close();
            }
        }
    }

    @Test
    void theHashFollowsTheWeightsAndIsRemembered() throws IOException {
        Path path = write("model", Long.MAX_VALUE);
        List<Progress> heard = new ArrayList<>();
        String before;
        try (var model = HuggingFaceFolder.open(path)) {
            before = model.hash(heard::add);
            assertThat(heard).last().satisfies(last -> assertThat(last.isDone()).isTrue());
            heard.clear();
            assertThat(model.hash(heard::add)).isEqualTo(before);
            assertThat(heard).isEmpty();
        }

        Path weights = path.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        Files.setLastModifiedTime(weights, FileTime.fromMillis(1));

        try (var model = HuggingFaceFolder.open(path)) {
            assertThat(model.hash()).isNotEqualTo(before);
        }
    }

    @Test
    void hashingStopsWhenTheThreadIsInterrupted() throws IOException {
        try (var model = HuggingFaceFolder.open(write("model", Long.MAX_VALUE))) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> TensorHash.of(model.tensors(), ProgressObserver.silent()))
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void tokenizerFilesAreFoundAndCopied() throws IOException {
        Path base = write("base", Long.MAX_VALUE);
        Files.writeString(base.resolve("tokenizer.json"), "{}");
        Files.writeString(base.resolve("unrelated.txt"), "x");
        Path copy = folder.resolve("copy");

        try (var source = HuggingFaceFolder.open(base);
                var out = HuggingFaceWriter.create(copy, source.config(), infos())) {
            out.writeAll(source.tensors(), ProgressObserver.silent());
            out.copyTokenizer(base);
            out.generationConfig(Json.object("{\"eos_token_id\":[2,3]}", "Text"));
            out.finish();
        }

        try (var model = HuggingFaceFolder.open(copy);
                var source = HuggingFaceFolder.open(base)) {
            assertThat(model.tokenizerJson()).contains(copy.resolve("tokenizer.json"));
            assertThat(model.tokenizerModel()).isEmpty();
            assertThat(model.file("unrelated.txt")).isEmpty();
            assertThat(model.generationConfig().orElseThrow().getAsJsonArray("eos_token_id"))
                    .hasSize(2);
            assertThat(model.hash()).isEqualTo(source.hash());
            assertThatThrownBy(() -> model.file("../one/config.json")).isInstanceOf(CheckpointException.class);
        }
    }

    @Test
    void aFullFolderIsNotWrittenOverAndAnUnfinishedOneNeverAppears() throws IOException {
        Path full = write("full", Long.MAX_VALUE);
        Path unfinished = folder.resolve("deep/unfinished");

        assertThatThrownBy(() -> HuggingFaceWriter.create(full, new JsonObject(), infos()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("not written over");
        try (HuggingFaceWriter other = HuggingFaceWriter.create(folder.resolve("other"), new JsonObject(), List.of())) {
            assertThatThrownBy(() -> other.copyTokenizer(Path.of("/nope")))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("No tokenizer files at /nope: there is no such folder");
            assertThatThrownBy(() -> other.copyTokenizer(Path.of("pom.xml")))
                    .hasMessageContaining("pom.xml: it is a file");
        }
        try (var out = HuggingFaceWriter.create(unfinished, new JsonObject(), infos())) {
            assertThatThrownBy(out::finish).isInstanceOf(CheckpointException.class);
        }

        assertThat(unfinished).doesNotExist();
        try (Stream<Path> left = Files.list(folder.resolve("deep"))) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void missingPiecesAreNamed() throws IOException {
        Path path = write("model", 16);

        Files.delete(path.resolve("model-00002-of-00003.safetensors"));
        refused(path, "model-00002-of-00003.safetensors is missing");
        Files.delete(path.resolve("model.safetensors.index.json"));
        refused(path, "Fetch the weights");
        Files.writeString(path.resolve("pytorch_model.bin"), "x");
        refused(path, "safe_serialization");
        Files.writeString(path.resolve("config.json"), "{\"a\":1,");
        refused(path, "config.json is not valid JSON");
        Files.delete(path.resolve("config.json"));
        refused(path, "has no config.json");
        refused(folder.resolve("nowhere"), "does not exist");
    }

    @Test
    void anIndexThatNamesAbsentTensorsIsRefused() throws IOException {
        Path path = write("model", 16);
        Path index = path.resolve("model.safetensors.index.json");
        Files.writeString(index, Files.readString(index).replace("\"a\":", "\"absent\":"));

        refused(path, "'absent'");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../secret.safetensors",
                "/etc/secret.safetensors",
                "a/../../secret.safetensors",
                "..\\\\secret.safetensors",
                "C:secret.safetensors",
                "..safetensors",
                "config.json",
                ""
            })
    void aShardNameThatLeavesTheFolderIsRefused(String shard) throws IOException {
        Path path = write("model", 16);
        Files.writeString(path.resolve("model.safetensors.index.json"), "{\"weight_map\":{\"a\":\"" + shard + "\"}}");

        refused(path, "plain file name");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{}",
                "{\"weight_map\":{}}",
                "{\"weight_map\":[]}",
                "{\"weight_map\":{\"a\":3}}",
                "{\"weight_map\":{\"a\":null}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"x.safetensors\"}}",
                "{\"weight_map\":{\"a\":\"x.safetensors\"}} x",
                "{weight_map:{}}",
                "{\"weight_map\":1e999}",
                "{\"weight_map\":NaN}"
            })
    void aMalformedIndexIsRefused(String text) throws IOException {
        Path path = write("model", 16);
        Files.writeString(path.resolve("model.safetensors.index.json"), text);

        refused(path, "model.safetensors.index.json");
    }

    @Test
    void numbersAndNestingOfAConfigurationAreKept() {
        JsonObject config = Json.object(
                "{\"rope_theta\":500000.0,\"eps\":1e-05,\"n\":9007199254740993,\"x\":[null,true,{\"y\":\"ü\"}]}",
                "Text");

        JsonObject again = Json.object(Json.pretty(config), "Text");

        assertThat(again).isEqualTo(config);
        assertThat(again.get("n").getAsLong()).isEqualTo(9007199254740993L);
        assertThat(again.get("eps").getAsDouble()).isEqualTo(1e-5);
        assertThatThrownBy(() -> Json.object("[".repeat(100_000), "Text")).isInstanceOf(CheckpointException.class);
    }

    private void refused(Path path, String reason) {
        assertThatThrownBy(() -> HuggingFaceFolder.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }

    private static List<TensorInfo> infos() {
        return List.of(
                new TensorInfo("a", "F32", new long[] {4}),
                new TensorInfo("b", "BF16", new long[] {2, 4}),
                new TensorInfo("c", "F32", new long[] {2, 2}));
    }

    private Path write(String name, long shardBytes) throws IOException {
        JsonObject config = new JsonObject();
        config.addProperty("hidden_size", 4);
        Path path = folder.resolve(name);
        try (var out = HuggingFaceWriter.create(path, config, infos(), shardBytes)) {
            for (TensorInfo info : infos()) {
                ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < 8; i++) {
                    bytes.putShort((short) (0x3f80 + i));
                }
                out.write(info.name(), bytes.flip());
            }
            out.finish();
        }
        return path;
    }
}
