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
    void linuxListsWhatAProcessorIs(@TempDir Path folder) throws IOException {
        Path list = folder.resolve("cpuinfo");
        Files.writeString(
                list, "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f\nflags\t\t: other\n");

        assertThat(Processor.field(list, "vendor_id")).isEqualTo("AuthenticAMD");
        assertThat(Processor.field(list, "flags")).isEqualTo("fpu avx512f");
        assertThat(Processor.field(list, "bogomips")).isEmpty();
        assertThat(Processor.field(folder.resolve("none"), "flags")).isEmpty();
    }

    @Test
    void allOfAvx512IsWanted() {
        assertThat(Processor.isAvx512("fpu avx512dq avx2 avx512f avx512vl avx512bw"))
                .isTrue();
        assertThat(Processor.isAvx512("fpu avx2 avx512f avx512cd avx512er")).isFalse();
        assertThat(Processor.isAvx512("")).isFalse();
    }

    @Test
    void bf16IsFastWhereAProcessorHasInstructionsForIt() {
        assertThat(Processor.bf16Products("fpu avx512f avx512_bf16")).contains("faster than fp32");
        assertThat(Processor.bf16Products("fpu amx_bf16 amx_tile")).contains("faster than fp32");
        assertThat(Processor.bf16Products("fpu avx2 avx512f")).contains("tune in fp32");
        assertThat(Processor.bf16Products("")).contains("not known on this system");
    }
}
