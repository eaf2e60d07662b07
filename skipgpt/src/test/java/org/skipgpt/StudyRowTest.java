package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;

class StudyRowTest {
    @Test
    void anErrorBelowNothingIsToldWithItsFile(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("row.json");
        FuzzKept.row().save(file);
        String good = Files.readString(file);
        String bad = good.replace("\"error\": 1.5", "\"error\": -1.5");
        assertThat(bad).isNotEqualTo(good);
        Files.writeString(file, bad);

        assertThatThrownBy(() -> StudyRow.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("row.json", "error", "-1.5");
    }
}
