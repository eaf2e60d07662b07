package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What the driver's tool says is read, and whatever else it does means that nothing is known. */
@DisabledOnOs(OS.WINDOWS)
class GpuMemoryTest {
    private static final String TWO = "printf '0, 11019\\n1, 81000\\n'";

    private static java.util.OptionalLong left(int gpu, String script) {
        return GpuMemory.left(gpu, Map.of(), "sh", "-c", script);
    }

    @Test
    void mebibytesOfTheGpuThatIsAskedFor() {
        assertThat(left(0, TWO)).hasValue(11019L << 20);
        assertThat(left(1, TWO)).hasValue(81000L << 20);
        assertThat(left(2, TWO)).isEmpty();
    }

    @Test
    void nothingIsKnownWhereTheToolFailsOrSaysSomethingElse() {
        assertThat(left(0, TWO + "; exit 9")).isEmpty();
        assertThat(left(0, "echo '0, [N/A]'")).isEmpty();
        assertThat(left(0, "echo no devices were found")).isEmpty();
        assertThat(GpuMemory.left(0, Map.of(), "there-is-no-such-tool")).isEmpty();
    }

    @Test
    void norWhereGpusAreNumberedOtherwise() {
        assertThat(GpuMemory.left(0, Map.of("CUDA_VISIBLE_DEVICES", "1"), "sh", "-c", TWO))
                .isEmpty();
    }
}
