package org.skipgpt.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessorTest {
    @Test
    void theVendorDecides() {
        assertThat(Processor.isAmd("AuthenticAMD", "")).isTrue();
        assertThat(Processor.isAmd("GenuineIntel", "")).isFalse();
        assertThat(Processor.isAmd("", "AMD64 Family 25 Model 33 Stepping 0, AuthenticAMD"))
                .isTrue();
        assertThat(Processor.isAmd("", "Intel64 Family 6 Model 158 Stepping 10, GenuineIntel"))
                .isFalse();
        assertThat(Processor.isAmd("", "")).isFalse();
    }

    @Test
    void linuxNamesTheVendorInItsList(@TempDir Path folder) throws IOException {
        Path list = folder.resolve("cpuinfo");
        Files.writeString(list, "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n");

        assertThat(Processor.vendor(list)).isEqualTo("AuthenticAMD");
        assertThat(Processor.vendor(folder.resolve("none"))).isEmpty();
    }
}
