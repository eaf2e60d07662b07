package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafeTensorsTest {
    private static final String GOOD = "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[8,12]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[12,12]},"
            + "\"one\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}";

    private final Path folder;

    SafeTensorsTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void namesShapesAndBytesComeBackInFileOrder() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        data.putFloat(1.5f)
                .putFloat(-2f)
                .putShort((short) 0x3f80)
                .putShort((short) 0xc020)
                .putLong(7);

        try (SafeTensors file = SafeTensors.open(file(GOOD, data.array()))) {
            assertThat(file.names()).containsExactly("a", "b", "none", "one");
            assertThat(file.metadata()).containsEntry("format", "pt").hasSize(1);
            assertThat(file.info("b")).isEqualTo(new TensorInfo("b", "BF16", new long[] {2, 1}));
            assertThat(file.floats("a")).containsExactly(1.5f, -2f);
            assertThat(file.floats("b")).containsExactly(1f, -2.5f);
            assertThat(file.floats("none")).isEmpty();
            assertThat(file.bytes("one", 0, 8).getLong()).isEqualTo(7);
            assertThat(file.bytes("a", 4, 4).getFloat()).isEqualTo(-2f);
            assertThat(file.bytes("a", 0, 8).isReadOnly()).isTrue();
        }
    }

    @Test
    void aPieceOutsideItsTensorIsRefused() throws IOException {
        try (SafeTensors file = SafeTensors.open(file(GOOD, new byte[20]))) {
            assertThatThrownBy(() -> file.bytes("a", 4, 5)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.bytes("a", -1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.bytes("a", Long.MAX_VALUE, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.bytes("none", 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void anUnknownNameIsAnsweredWithNearNames() throws IOException {
        try (SafeTensors file = SafeTensors.open(file(GOOD, new byte[20]))) {
            assertThatThrownBy(() -> file.info("nine"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("'nine'")
                    .hasMessageContaining("near names: none, one");
        }
    }

    @Test
    void aClosedFileSaysSo() throws IOException {
        SafeTensors file = SafeTensors.open(file(GOOD, new byte[20]));

        file.close();

        assertThatThrownBy(() -> file.bytes("a", 0, 8))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("open it again");
    }

    @Test
    void trailingSpacesBehindTheHeaderAreAllowed() throws IOException {
        try (SafeTensors file = SafeTensors.open(file(GOOD + "      ", new byte[20]))) {
            assertThat(file.names()).hasSize(4);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "overlapping | overlaps |"
                        + " {\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                "holed | hole |"
                        + " {\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
                "hole at the start | hole | {\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
                "too short for its tensors | cut off | {\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
                "more bytes than tensors | follow the header | {\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                "far out of range | F32[2] needs 8 bytes |"
                        + " {\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,900000000000000000]}}",
                "backwards | data_offsets | {\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,4]}}",
                "shape and bytes differ | needs 16 bytes | {\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,12]}}",
                "wrong format | 'F33' | {\"a\":{\"dtype\":\"F33\",\"shape\":[3],\"data_offsets\":[0,12]}}",
                "format is a number | is not text | {\"a\":{\"dtype\":5,\"shape\":[3],\"data_offsets\":[0,12]}}",
                "negative size | 0 or more | {\"a\":{\"dtype\":\"F32\",\"shape\":[-3],\"data_offsets\":[0,12]}}",
                "negative offset | 0 or more | {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[-12,0]}}",
                "fractional size | 0 or more | {\"a\":{\"dtype\":\"F32\",\"shape\":[3.5],\"data_offsets\":[0,12]}}",
                "size of text | 0 or more | {\"a\":{\"dtype\":\"F32\",\"shape\":[\"3\"],\"data_offsets\":[0,12]}}",
                "absurd size | 0 or more | {\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,12]}}",
                "product overflows | than can be counted |"
                        + " {\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,12]}}",
                "same name twice | twice |"
                        + " {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
                "same field twice | twice | {\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
                "one offset | two data_offsets | {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0]}}",
                "no shape | needs dtype | {\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,12]}}",
                "unknown field | unknown field | {\"a\":{\"dtype\":\"F32\",\"stride\":[1]}}",
                "metadata of numbers | not text | {\"__metadata__\":{\"step\":3}}",
                "entry is a list | JSON | {\"a\":[]}",
                "not closed | JSON | {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}",
                "text behind | expected JSON | {\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}{}",
                "not an object | begin with | [1, 2, 3]",
                "unquoted | JSON | {a:{}}",
            })
    void aMalformedHeaderIsRefusedWithItsReason(String what, String reason, String header) throws IOException {
        Path path = file(header, new byte[12]);

        assertThatThrownBy(() -> SafeTensors.open(path))
                .as(what)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, 0, 1, 100_000_001, Long.MAX_VALUE, 1000})
    void anAbsurdHeaderLengthIsRefused(long length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(length).put("{}".getBytes(StandardCharsets.UTF_8));
        Path path = Files.write(folder.resolve("absurd.safetensors"), bytes.array());

        assertThatThrownBy(() -> SafeTensors.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("header claims");
    }

    @Test
    void aHeaderThatIsNotUtf8IsRefused() throws IOException {
        byte[] header = GOOD.getBytes(StandardCharsets.UTF_8);
        header[20] = (byte) 0xff;
        Path path = file(header, new byte[20]);

        assertThatThrownBy(() -> SafeTensors.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("UTF-8");
    }

    @Test
    void deeplyNestedJsonIsRefused() throws IOException {
        Path path = file("{\"a\":{\"shape\":" + "[".repeat(1_000_000), new byte[0]);

        assertThatThrownBy(() -> SafeTensors.open(path)).isInstanceOf(CheckpointException.class);
    }

    @Test
    void aMissingFileAndAFolderAreRefused() {
        assertThatThrownBy(() -> SafeTensors.open(folder.resolve("none.safetensors")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> SafeTensors.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is a folder");
    }

    /** Any cut and any changed byte must give a refusal or an intact reading, never another failure. */
    @Test
    void damagedFilesNeverCauseAnotherFailure() throws IOException {
        byte[] good = Files.readAllBytes(file(GOOD, new byte[20]));
        Random random = new Random(1);
        int refused = 0;

        for (int i = 0; i < 3000; i++) {
            byte[] bad = Arrays.copyOf(good, i < good.length ? i : good.length);
            if (i >= good.length) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            Path path = Files.write(folder.resolve("bad.safetensors"), bad);
            try (SafeTensors file = SafeTensors.open(path)) {
                file.names()
                        .forEach(name -> assertThat(file.info(name).byteSize()).isBetween(0L, 20L));
            } catch (CheckpointException e) {
                refused++;
            }
        }

        assertThat(refused).isGreaterThan(good.length);
    }

    @Test
    void aTensorOverTwoGigabytesIsReadAnywhere() throws IOException {
        long elements = 3L << 28; // 3 GiB of floats, a hole on disk
        long bytes = elements * 4;
        String header = "{\"big\":{\"dtype\":\"F32\",\"shape\":[3," + (1 << 28) + "],\"data_offsets\":[0," + bytes
                + "]},\"end\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" + bytes + "," + (bytes + 4) + "]}}";
        Path path = file(header, new byte[0]);
        long start = Files.size(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            put(channel, start, 1f);
            put(channel, start + (1L << 31) - 2 * 4, 2f);
            put(channel, start + bytes - 4, 3f);
            put(channel, start + bytes, 4f);
        }

        try (SafeTensors file = SafeTensors.open(path)) {
            assertThat(file.info("big").byteSize()).isEqualTo(bytes);
            assertThat(file.bytes("big", 0, 4).getFloat()).isEqualTo(1f);
            assertThat(file.bytes("big", bytes - 4, 4).getFloat()).isEqualTo(3f);
            assertThat(file.bytes("end", 0, 4).getFloat()).isEqualTo(4f);
            // a piece of the greatest length, across the bounds of the windows
            ByteBuffer most = file.bytes("big", 4, Integer.MAX_VALUE);
            assertThat(most.remaining()).isEqualTo(Integer.MAX_VALUE);
            assertThat(most.getFloat((1 << 30) - 6 + (1 << 30) - 6)).isEqualTo(2f);
        } finally {
            Files.delete(path);
        }
    }

    private static void put(FileChannel channel, long at, float value) throws IOException {
        channel.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, value), at);
    }

    private Path file(String header, byte[] data) throws IOException {
        return file(header.getBytes(StandardCharsets.UTF_8), data);
    }

    private Path file(byte[] header, byte[] data) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header).put(data);
        return Files.write(folder.resolve("test.safetensors"), bytes.array());
    }
}
