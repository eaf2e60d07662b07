package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafeTensorsWriterTest {
    private static final TensorInfo BYTES = new TensorInfo("bytes", "U8", new long[] {3});
    private static final TensorInfo MATRIX = new TensorInfo("matrix \"ü\"", "F32", new long[] {2, 2});
    private static final TensorInfo EMPTY = new TensorInfo("empty", "F16", new long[] {0});

    private final Path folder;

    SafeTensorsWriterTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void whatIsWrittenInPiecesIsReadBack() {
        Path path = folder.resolve("model.safetensors");

        try (SafeTensorsWriter out = SafeTensorsWriter.create(path, List.of(BYTES, MATRIX, EMPTY))) {
            out.write(MATRIX.name(), floats(1, 2, 3));
            out.write("bytes", ByteBuffer.wrap(new byte[] {7, 8, 9}));
            out.write(MATRIX.name(), floats(4));
            out.finish();
        }

        try (SafeTensors file = SafeTensors.open(path)) {
            assertThat(file.names()).containsExactly(MATRIX.name(), "empty", "bytes");
            assertThat(file.metadata()).containsEntry("format", "pt");
            assertThat(file.floats(MATRIX.name())).containsExactly(1, 2, 3, 4);
            assertThat(file.bytes("bytes", 2, 1).get()).isEqualTo((byte) 9);
            assertThat(file.info("empty")).isEqualTo(EMPTY);
        }
    }

    @Test
    void dataBeginsAtAMultipleOfEight() throws IOException {
        Path path = folder.resolve("model.safetensors");

        try (SafeTensorsWriter out = SafeTensorsWriter.create(path, List.of(BYTES))) {
            out.write("bytes", ByteBuffer.allocate(3));
            out.finish();
        }

        byte[] file = Files.readAllBytes(path);
        assertThat(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong() % 8)
                .isZero();
    }

    @Test
    void anUnfinishedFileNeverAppears() throws IOException {
        Path path = folder.resolve("model.safetensors");
        Files.writeString(path, "before");

        try (SafeTensorsWriter out = SafeTensorsWriter.create(path, List.of(MATRIX, BYTES))) {
            out.write(MATRIX.name(), floats(1, 2, 3));
            assertThatThrownBy(out::finish)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("12 of 16 bytes");
        }

        assertThat(Files.readString(path)).isEqualTo("before");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).containsExactly(path);
        }
    }

    @Test
    void tooManyBytesAnUnknownNameAndANameTwiceAreRefused() {
        Path path = folder.resolve("model.safetensors");

        try (SafeTensorsWriter out = SafeTensorsWriter.create(path, List.of(BYTES))) {
            assertThatThrownBy(() -> out.write("bytes", ByteBuffer.allocate(4)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("do not fit");
            assertThatThrownBy(() -> out.write("byte", ByteBuffer.allocate(1)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("near names: bytes");
        }
        assertThatThrownBy(() -> SafeTensorsWriter.create(path, List.of(BYTES, BYTES)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("own name");
        assertThatThrownBy(() -> SafeTensorsWriter.create(folder.resolve("no/such/x"), List.of(BYTES)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Make the folder first");
    }

    private static ByteBuffer floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }
}
