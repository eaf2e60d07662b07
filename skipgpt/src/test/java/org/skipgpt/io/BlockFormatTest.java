package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.torch.Dtype;

/** Numbers rounded to blocks. */
class BlockFormatTest {
    private static final int COUNT = 96;

    private final Random random = new Random(7);

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void everyNumberIsRoundedToTheNearestThatItsBlockHas(BlockFormat format) {
        float[] numbers = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            numbers[i] = (float) random.nextGaussian() * (i < 32 ? 1 : 0.01f);
        }
        float[] read = decoded(format, encoded(format, numbers));
        for (int block = 0; block < COUNT; block += 32) {
            float[] own = Arrays.copyOfRange(numbers, block, block + 32);
            float least = 0;
            float most = 0;
            for (float number : own) {
                least = Math.min(least, number);
                most = Math.max(most, number);
            }
            double step = switch (format) {
                case Q8_0 -> Math.max(-least, most) / 127;
                // the side of the smaller numbers ends a step earlier
                case Q4_0 -> Math.max(-least, most) / 8 * 2;
                case Q4_1 -> (most - least) / 15;
            };
            for (int i = 0; i < 32; i++) {
                // half a step, and the scale's own rounding to 11 bits
                assertThat(Math.abs(read[block + i] - own[i]))
                        .as("number %d", block + i)
                        .isLessThan((float) (0.52 * step + 2e-3 * Math.max(-least, most)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void whatBlocksHoldIsHeldAgainAsItIs(BlockFormat format) {
        float[] numbers = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            // ends of the range, so that the scale is found again
            numbers[i] = i % 32 == 0 ? -8 : i % 32 == 1 ? 7 : random.nextInt(16) - 8;
        }
        float[] once = decoded(format, encoded(format, numbers));

        assertThat(decoded(format, encoded(format, once))).isEqualTo(once);
        assertThat(format == BlockFormat.Q8_0 || Arrays.equals(once, numbers)).isTrue();
    }

    @ParameterizedTest
    @EnumSource(BlockFormat.class)
    void zerosStayZeroAndOtherNumbersAreRefused(BlockFormat format) {
        for (float number : decoded(format, encoded(format, new float[COUNT]))) {
            assertThat(number == 0).as("%s, which may be -0", number).isTrue();
        }
        float[] numbers = new float[COUNT];
        numbers[40] = Float.NaN;
        assertThatThrownBy(() -> encoded(format, numbers))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("w has the number NaN");
        numbers[40] = 1e30f;
        assertThatThrownBy(() -> encoded(format, numbers))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("too large");
    }

    @Test
    void formatsBelongToElementTypes() {
        for (BlockFormat format : BlockFormat.values()) {
            assertThat(BlockFormat.of(format.dtype())).isEqualTo(format);
            assertThat((double) format.rowBytes(64))
                    .isEqualTo(64 * format.dtype().bytes());
        }
        assertThatThrownBy(() -> BlockFormat.of(Dtype.BF16))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("bf16 has no blocks: expected q8_0, q4_0 or q4_1");
    }

    private static ByteBuffer encoded(BlockFormat format, float[] numbers) {
        ByteBuffer out = ByteBuffer.allocate(format.rowBytes(COUNT)).order(ByteOrder.LITTLE_ENDIAN);
        format.encode("w", numbers, 0, COUNT, out);
        assertThat(out.hasRemaining()).isFalse();
        return out.flip();
    }

    private static float[] decoded(BlockFormat format, ByteBuffer blocks) {
        float[] out = new float[COUNT];
        byte[] bytes = new byte[blocks.remaining()];
        blocks.duplicate().get(bytes);
        format.decode(bytes, out);
        float[] read = new float[COUNT];
        GgufType.valueOf(format.name()).dequantise(blocks, read, COUNT);
        assertThat(out).as("as a file's blocks are read").isEqualTo(read);
        return out;
    }
}
