package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.skipgpt.report.Sha256;

class WorldDataTest {
    private static final Path WORLD =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world");

    @Test
    void everyFileOfTheWorldIsKnown() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(WORLD)) {
            files = all.filter(file -> file.toString().matches(".*\\.(jsonl|txt)"))
                    .toList();
        }

        assertThat(files).hasSize(2 * Tasks.PAPER.size() + Tasks.TEXTS.size());
        assertThat(files)
                .as("write resources/org/skipgpt/eval/embedded-world.sha256 again with sha256sum *.jsonl *.txt")
                .allMatch(file -> WorldData.has(Sha256.of(file)));
        assertThat(WorldData.has(Sha256.of(WORLD.resolve("README.md")))).isFalse();
    }
}
