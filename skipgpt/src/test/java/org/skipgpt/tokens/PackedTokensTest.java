package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.data.DataException;
import org.skipgpt.io.FolderBusyException;
import org.skipgpt.io.FolderLock;
import org.skipgpt.model.Golden;

/** A file of tokens is used for the texts it was made from, and for no others. */
class PackedTokensTest {
    private static final List<String> TEXTS = List.of("5 6 7", "8 9");

    private static PackedTokens encode(List<String> texts, int vocabulary, long limit, Path file) {
        return PackedTokens.encode(texts.iterator(), Golden.numbers(vocabulary), limit, file);
    }

    @Test
    void theSameTextsUseTheFileAgain(@TempDir Path folder) {
        Path file = folder.resolve("tokens.bin");

        int[] first = encode(TEXTS, 20, 100, file).window(0, 7);
        int[] again = encode(TEXTS, 20, 100, file).window(0, 7);

        assertThat(again).isEqualTo(first).containsExactly(5, 6, 7, 0, 8, 9, 0);
    }

    @Test
    void aLimitEndsWithinAText(@TempDir Path folder) {
        Path file = folder.resolve("tokens.bin");

        assertThat(encode(TEXTS, 20, 5, file).size()).isEqualTo(5);
        assertThat(encode(TEXTS, 20, 5, file).size()).isEqualTo(5);
    }

    @Test
    void anythingElseIsRefused(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("tokens.bin");
        encode(TEXTS, 20, 100, file);

        for (List<String> others :
                List.of(List.of("5 6 7", "8 10"), List.of("5 6 7"), List.of("5 6 7", "8 9", "10"), List.<String>of())) {
            assertThatThrownBy(() -> encode(others, 20, 100, file))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("tokens.bin");
        }
        assertThatThrownBy(() -> encode(TEXTS, 21, 100, file)).isInstanceOf(DataException.class);
        assertThatThrownBy(() -> encode(TEXTS, 20, 4, file)).isInstanceOf(DataException.class);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 4));
        assertThatThrownBy(() -> encode(TEXTS, 20, 100, file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("bytes");
        byte[] other = bytes.clone();
        other[4] ^= 1; // another id of the same vocabulary
        Files.write(file, other);
        assertThatThrownBy(() -> encode(TEXTS, 20, 100, file))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("tokens.bin", "sum");
        Files.write(file, bytes);
        Files.delete(folder.resolve("tokens.bin.json"));
        assertThatThrownBy(() -> encode(TEXTS, 20, 100, file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokens.bin.json");
    }

    @Test
    void oneProcessAtATimeMakesThem(@TempDir Path folder) {
        try (FolderLock another = FolderLock.of(folder, "encoding of tokens")) {
            assertThatThrownBy(() -> encode(TEXTS, 20, 100, folder.resolve("tokens.bin")))
                    .isInstanceOf(FolderBusyException.class)
                    .hasMessageContaining(folder.toString());
        }
        assertThat(encode(TEXTS, 20, 100, folder.resolve("tokens.bin")).size()).isEqualTo(7);
    }
}
