package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryLeftTest {
    private static final MemoryLeft OTHER = new MemoryLeft(1, 2);
    private static final long MIB = 1 << 20;

    private final Path root;

    MemoryLeftTest(@TempDir Path root) {
        this.root = root;
    }

    @Test
    void withoutLinuxsFilesSomethingElseHolds() {
        assertThat(MemoryLeft.read(root, OTHER)).isEqualTo(OTHER);
    }

    @Test
    void availableCountsNotFree() throws IOException {
        machine();

        assertThat(MemoryLeft.read(root, OTHER)).isEqualTo(new MemoryLeft(6000 * MIB, 8000 * MIB));
    }

    @Test
    void aLimitOfAGroupOrOfOneAboveItCounts() throws IOException {
        machine();
        write("proc/self/cgroup", "0::/a/b\n");
        write("sys/fs/cgroup/a/b/memory.max", "max\n");
        write("sys/fs/cgroup/a/memory.max", 1000 * MIB + "\n");
        write("sys/fs/cgroup/a/memory.current", 700 * MIB + "\n");
        write("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file " + 300 * MIB + "\n");

        assertThat(MemoryLeft.read(root, OTHER)).isEqualTo(new MemoryLeft(600 * MIB, 1000 * MIB));
    }

    @Test
    void insideAContainerItsRootCounts() throws IOException {
        machine();
        write("proc/self/cgroup", "0::/../../elsewhere\n");
        write("sys/fs/cgroup/memory.max", 1000 * MIB + "\n");
        write("sys/fs/cgroup/memory.current", 400 * MIB + "\n");

        assertThat(MemoryLeft.read(root, OTHER)).isEqualTo(new MemoryLeft(600 * MIB, 1000 * MIB));
    }

    @Test
    void olderGroupsCountToo() throws IOException {
        machine();
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", 500 * MIB + "\n");
        write("sys/fs/cgroup/memory/memory.usage_in_bytes", 600 * MIB + "\n");

        assertThat(MemoryLeft.read(root, OTHER)).isEqualTo(new MemoryLeft(0, 500 * MIB));
    }

    @Test
    void thisMachineHasSome() {
        MemoryLeft now = MemoryLeft.now();

        assertThat(now.available()).isPositive().isLessThanOrEqualTo(now.total());
    }

    private void machine() throws IOException {
        write(
                "proc/meminfo",
                "MemTotal:        " + 8000 * 1024 + " kB\nMemFree:   1 kB\nMemAvailable:    " + 6000 * 1024 + " kB\n");
    }

    private void write(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.writeString(file, text);
    }
}
