package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;

class MemoryCheckTest {
    // the sizes of LLaMA-2 7B with a tied head: 6.61 thousand million parameters
    private static final DecoderConfig LARGE = DecoderConfig.llama(32000, 4096, 11008, 32, 32, 32);
    private static final MemoryLeft LEFT = new MemoryLeft(16L << 30, 32L << 30);

    @Test
    void weightsThatDoNotFitAreRefusedWithWhatTheyNeed() {
        assertThatThrownBy(() -> MemoryCheck.check(LARGE, Dtype.FP32, LEFT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(
                        "24.6 GiB as fp32", "16.0 GiB of 32.0 GiB", "As bf16 they need 12.3 GiB", "-Xmx");
        assertThatCode(() -> MemoryCheck.check(LARGE, Dtype.BF16, LEFT)).doesNotThrowAnyException();
    }

    @Test
    void sizesBeyondSixtyFourBitsAreRefusedToo() {
        DecoderConfig absurd = DecoderConfig.llama(1 << 24, 1 << 22, 1 << 22, 10_000, 1 << 16, 1 << 16);

        assertThatThrownBy(() -> MemoryCheck.check(absurd, Dtype.BF16, LEFT)).isInstanceOf(CheckpointException.class);
    }

    @Test
    void aPropertyLetsItBeTried() {
        System.setProperty("skipgpt.memory.check", "off");
        try {
            assertThatCode(() -> MemoryCheck.check(LARGE, Dtype.FP32, LEFT)).doesNotThrowAnyException();
        } finally {
            System.clearProperty("skipgpt.memory.check");
        }
    }
}
