package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The files come from make_torch_files.py beside them; every element is a function of its index. */
class TorchFileTest {
    private final Path folder;

    TorchFileTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void everyFormatIsRead() throws IOException {
        try (TorchFile file = TorchFile.open(stored("formats.pth"))) {
            assertThat(file.info("float")).isEqualTo(new TensorInfo("float", "F32", new long[] {4, 6}));
            assertThat(file.floats("float")).isEqualTo(counted(24, 1));
            assertThat(file.floats("half")).isEqualTo(counted(24, 0.125f));
            assertThat(file.floats("bfloat")).isEqualTo(counted(24, 0.125f));
            assertThat(file.floats("double")).isEqualTo(counted(24, 1));
            assertThat(file.bytes("long", 0, 8).getLong()).isEqualTo(-1);
            assertThat(file.info("int").format()).isEqualTo("I32");
            assertThat(file.info("short").format()).isEqualTo("I16");
            assertThat(file.bytes("char", 0, 1).get()).isEqualTo((byte) -1);
            assertThat(file.info("byte").format()).isEqualTo("U8");
            assertThat(file.info("bool").format()).isEqualTo("BOOL");
            assertThat(file.info("scalar").shape()).isEmpty();
            assertThat(file.floats("scalar")).containsExactly(2.5f);
            assertThat(file.info("empty").shape()).containsExactly(0, 3);
            assertThat(file.floats("parameter")).containsExactly(1, 1);
        }
    }

    @Test
    void viewsAreReadInRowMajorOrder() throws IOException {
        try (TorchFile file = TorchFile.open(stored("formats.pth"))) {
            assertThat(file.info("transposed").shape()).containsExactly(6, 4);
            assertThat(file.floats("transposed")).startsWith(0, 6, 12, 18, 1, 7, 13, 19, 2);
            assertThat(file.floats("part")).containsExactly(5, 6, 7, 8);
            assertThat(file.floats("columns")).containsExactly(2, 3, 8, 9, 14, 15, 20, 21);
            assertThat(file.floats("expanded")).containsExactly(1, 1, 1, 2, 2, 2);

            ByteBuffer whole = file.bytes("transposed", 0, 96);
            assertThat(file.bytes("transposed", 7, 50)).isEqualTo(whole.slice(7, 50));
        }
    }

    @Test
    void nestedDictsGiveDottedNamesAndOtherValuesAreLeftOut() throws IOException {
        try (TorchFile file = TorchFile.open(stored("formats.pth"))) {
            assertThat(file.floats("nested.inner")).containsExactly(7);
            assertThat(file.floats("nested.list.0")).containsExactly(8);
            assertThat(file.floats("ordered.a")).containsExactly(9);
            assertThat(file.names()).hasSize(20).doesNotContain("step", "rate", "nested.list.1");
        }
    }

    @Test
    void aStateDictWithItsMetadataIsRead() throws IOException {
        try (TorchFile file = TorchFile.open(stored("state_dict.pth"))) {
            assertThat(file.names()).containsExactly("weight", "bias");
            assertThat(file.floats("weight")).isEqualTo(counted(6, 1));
            assertThat(file.floats("bias")).containsExactly(10, 11);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "whole_module.pth, 'torch.nn.modules.linear.Linear'",
        "old_form.pth, no zip archive",
        "protocol4.pth, protocol 2"
    })
    void otherFormsAreRefusedWithTheReason(String name, String reason) throws IOException {
        Path path = stored(name);

        assertThatThrownBy(() -> TorchFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void compressedEntriesAreRefused() throws IOException {
        Path path = folder.resolve("bomb.pth");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
            zip.putNextEntry(new ZipEntry("archive/data.pkl"));
            zip.write(new byte[10_000_000]);
        }

        assertThatThrownBy(() -> TorchFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("compressed");
    }

    @Test
    void aMaliciousPickleInAnArchiveIsRefused() throws IOException {
        Path mark = folder.resolve("executed");
        Path path = archive(Pickles.start()
                .global("posix", "system")
                .text("touch " + mark)
                .raw("\u0085R.")
                .bytes());

        assertThatThrownBy(() -> TorchFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(path.toString(), "'posix.system'");
        assertThat(mark).doesNotExist();
    }

    @Test
    void storageNamesLeadOnlyIntoTheArchive() throws IOException {
        Path path = archive(Pickles.tensor("../../etc/passwd", 1, 0, new int[] {1}, new int[] {1}));

        assertThatThrownBy(() -> TorchFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("no storage '../../etc/passwd'");
    }

    @Test
    void aStorageOfAnotherLengthIsRefused() throws IOException {
        Path path = archive(Pickles.tensor("0", 3, 0, new int[] {3}, new int[] {1}));

        assertThatThrownBy(() -> TorchFile.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("8 bytes in storage '0'");
    }

    @Test
    void aTopLevelTensorIsCalledTensor() throws IOException {
        try (TorchFile file = TorchFile.open(archive(Pickles.tensor("0", 2, 1, new int[] {1}, new int[] {1})))) {
            assertThat(file.names()).containsExactly("tensor");
        }
    }

    /** Any cut and any changed byte must give a refusal or a reading inside the file, never another failure. */
    @Test
    void damagedFilesNeverCauseAnotherFailure() throws IOException {
        byte[] good = Files.readAllBytes(stored("state_dict.pth"));
        Random random = new Random(5);
        int refused = 0;

        for (int i = 0; i < 1500; i++) {
            byte[] bad = good.clone();
            if (i < 500) {
                bad = Arrays.copyOf(good, random.nextInt(good.length));
            } else {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            Path path = Files.write(folder.resolve("bad.pth"), bad);
            try (TorchFile file = TorchFile.open(path)) {
                for (String name : file.names()) {
                    file.bytes(name, 0, (int) Math.max(1, file.info(name).byteSize()));
                }
            } catch (CheckpointException | IndexOutOfBoundsException e) {
                refused++;
            }
        }

        assertThat(refused).isGreaterThan(500);
    }

    @Test
    void thePublishedRoutersAreRead() {
        Path data = SharedData.folder();
        assumeThat(data).as("the shared data folder").isDirectory();

        try (TorchFile file = TorchFile.open(data.resolve("skipgpt-routers/llama3.1-8b-stage1-router.pth"))) {
            assertThat(file.names()).hasSize(128);
            for (int layer = 0; layer < 32; layer++) {
                for (String module : new String[] {"attention", "mlp"}) {
                    String name = "model.layers." + layer + ".router_" + module + ".weight_predictor.";
                    assertThat(file.info(name + "weight"))
                            .isEqualTo(new TensorInfo(name + "weight", "F32", new long[] {2, 4096}));
                    assertThat(file.info(name + "bias"))
                            .isEqualTo(new TensorInfo(name + "bias", "F32", new long[] {2}));
                }
            }
            assertThat(file.floats("model.layers.0.router_attention.weight_predictor.weight"))
                    .startsWith(-0.3514361f, -1.2980852f);
            assertThat(file.floats("model.layers.31.router_mlp.weight_predictor.bias"))
                    .containsExactly(0.12045132f, -0.12045511f);
        }
    }

    private Path stored(String name) throws IOException {
        try (InputStream in = TorchFileTest.class.getResourceAsStream("/golden/torch/" + name)) {
            assertThat(in).as(name).isNotNull();
            return Files.write(folder.resolve(name), in == null ? new byte[0] : in.readAllBytes());
        }
    }

    /** An archive with the given pickle and one storage of 8 bytes. */
    private Path archive(byte[] pickle) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            store(zip, "archive/data.pkl", pickle);
            store(zip, "archive/data/0", new byte[8]);
        }
        return Files.write(folder.resolve("made.pth"), bytes.toByteArray());
    }

    private static void store(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(sum.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
    }

    private static float[] counted(int n, float step) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = i * step;
        }
        return values;
    }
}
