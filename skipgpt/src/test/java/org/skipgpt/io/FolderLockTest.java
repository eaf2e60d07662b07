package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.report.WholeFile;

class FolderLockTest {
    private final Path folder;

    FolderLockTest(@TempDir Path folder) {
        this.folder = folder;
    }

    /** Holds the lock of a folder until it is killed. */
    static final class Holder {
        public static void main(String[] arguments) throws InterruptedException {
            try (FolderLock lock = FolderLock.of(Path.of(arguments[0]), "training")) {
                System.out.println("held");
                TimeUnit.HOURS.sleep(1);
            }
        }
    }

    @Test
    void oneWriterAtATimeHasAFolder() {
        Path made = folder.resolve("deep/er");
        try (FolderLock lock = FolderLock.of(made, "training")) {
            assertThatThrownBy(() -> FolderLock.of(made, "training"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("Another training", made.toString(), "another folder");
        }
        FolderLock.of(made, "training").close();
    }

    @Test
    void aLockEndsWithItsProcess() throws IOException, InterruptedException {
        Process other = new ProcessBuilder(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        folder.toString()))
                .redirectErrorStream(true)
                .start();
        try {
            assertThat(new String(other.getInputStream().readNBytes(4), StandardCharsets.UTF_8))
                    .isEqualTo("held");
            assertThatThrownBy(() -> FolderLock.of(folder, "training")).hasMessageContaining("Another training");
        } finally {
            other.destroyForcibly().waitFor();
        }
        FolderLock.of(folder, "training").close();
    }

    @Test
    void leftoversOfKilledWritersAreSwept() throws IOException {
        Path target = folder.resolve("a.json");
        Path old = Files.createDirectory(WholeFile.temporary(target));
        Files.writeString(old.resolve("part"), "x");
        Path young = Files.writeString(WholeFile.temporary(target), "x");
        Path other = Files.writeString(WholeFile.temporary(folder.resolve("b.json")), "x");
        for (Path one : List.of(old, other)) {
            Files.setLastModifiedTime(one, FileTime.fromMillis(0));
        }

        AtomicFile.write(target, "whole");

        assertThat(target).hasContent("whole");
        assertThat(old).doesNotExist();
        assertThat(young).exists();
        assertThat(other).exists();
    }
}
