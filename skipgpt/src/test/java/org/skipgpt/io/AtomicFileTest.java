package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @Test
    void ofTwoNewFilesOfOneNameTheFirstStays(@TempDir Path folder) throws IOException {
        Path target = folder.resolve("model.gguf");
        try (AtomicFile first = AtomicFile.begin(target);
                AtomicFile second = AtomicFile.begin(target)) {
            first.commitNew();
            assertThatThrownBy(second::commitNew)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("model.gguf", "not written over");
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.toList()).isEqualTo(List.of(target));
        }
    }

    @Test
    void aFolderThatAnotherMadeMeanwhileIsToldAsOne(@TempDir Path folder) {
        assertThat(AtomicFile.failure(folder, new DirectoryNotEmptyException(folder.toString())))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(folder.toString(), "another writer", "Name another");
    }
}
