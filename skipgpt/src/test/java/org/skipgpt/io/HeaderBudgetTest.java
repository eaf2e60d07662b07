package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Headers that are true to their lengths, and would still take many times their bytes of memory, are refused by name. */
class HeaderBudgetTest {
    private final Path folder;

    HeaderBudgetTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void jsonOfTooManyValuesIsRefused() throws IOException {
        StringReader text = new StringReader("[0,0,0][0,0,0,0]");
        JsonTree tree = JsonTree.of(text, "The text", CheckpointException::new, 4);
        tree.reader().setStrictness(Strictness.LENIENT); // several values behind each other

        assertThat(tree.next()).isEqualTo(JsonParser.parseString("[0,0,0]"));
        assertThatThrownBy(tree::next)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("The text has more than 4 values", "$[3]");
    }

    @Test
    void aFileHeldWholeHasALongestLength() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "12345");

        assertThat(BoundedFile.text(file, 5, CheckpointException::new)).isEqualTo("12345");
        assertThatThrownBy(() -> BoundedFile.text(file, 4, CheckpointException::new))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(file.toString(), "5 bytes", "up to 4");
    }

    @Test
    void safetensorsOfTooManyFreeEntriesAreRefused() throws IOException {
        StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"");
        for (int i = 0; i < 100_000; i++) {
            header.append(",\"").append(i).append("\":\"\"");
        }
        byte[] json = header.append("}}").toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
        Path file = Files.write(
                folder.resolve("a.safetensors"),
                bytes.putLong(json.length).put(json).array());

        assertThatThrownBy(() -> SafeTensors.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(file.toString(), "more than 100000 entries");
    }

    @Test
    void ggufListsAreCountedTogether() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(5_000_000).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(0x46554747).putInt(3).putLong(0).putLong(2);
        for (String name : new String[] {"a", "b"}) {
            bytes.putLong(1).put((byte) name.charAt(0)).putInt(9).putInt(0).putLong(2_200_000);
            bytes.position(bytes.position() + 2_200_000);
        }
        Path file = Files.write(folder.resolve("a.gguf"), bytes.array());

        assertThatThrownBy(() -> GgufFile.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(file.toString(), "gives b a list of 2200000 entries", "4194304 in all lists");
    }

    @Test
    void ggufRowsHaveALongestLength() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(0x46554747).putInt(3).putLong(1).putLong(0);
        bytes.putLong(1).put((byte) 'a').putInt(1).putLong(1L << 40).putInt(0).putLong(0);
        Path file = Files.write(folder.resolve("a.gguf"), bytes.array());

        assertThatThrownBy(() -> GgufFile.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(file.toString(), "tensor a", "1099511627776 elements");
    }
}
