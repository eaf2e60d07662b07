package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged line costs its own question only. */
class ScoreStoreTest {
    @Test
    void aLineThatIsNoTextIsPassedOver(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("scores.jsonl");
        StoredScores.put(file, "a", -1);
        StoredScores.put(file, "b", -2);
        byte[] bytes = Files.readAllBytes(file);
        bytes[new String(bytes, StandardCharsets.UTF_8).indexOf("\"a\"") + 1] = (byte) 0xFF;
        Files.write(file, bytes);

        assertThat(StoredScores.read(file, List.of("a", "b"))).isEqualTo(Map.of("b", -2.0));
    }

    @Test
    void aLineThatWasCutOffTakesNoOtherWithIt(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("scores.jsonl");
        StoredScores.put(file, "a", -1);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 5));

        StoredScores.put(file, "b", -2);

        assertThat(StoredScores.read(file, List.of("a", "b"))).isEqualTo(Map.of("b", -2.0));
    }
}
