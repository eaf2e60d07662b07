package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WideningTest {
    @ParameterizedTest
    @CsvSource({
        "0x0000, 0.0",
        "0x8000, -0.0",
        "0x0001, 5.9604645E-8",
        "0x8001, -5.9604645E-8",
        "0x03ff, 6.097555E-5",
        "0x0400, 6.1035156E-5",
        "0x3555, 0.33325195",
        "0x3c00, 1.0",
        "0xc000, -2.0",
        "0x7bff, 65504.0",
        "0x7c00, Infinity",
        "0xfc00, -Infinity",
        "0x7e00, NaN"
    })
    void halvesHaveTheirIeeeValue(String bits, Float value) {
        assertThat(Widening.half((short) (int) Integer.decode(bits))).isEqualTo(value);
    }

    @Test
    void everyFloatFormatIsAppended() {
        ByteBuffer bytes = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putFloat(0.1f)
                .putDouble(0.1)
                .putShort((short) 0x3dcd)
                .putShort((short) 0x2e66)
                .putShort((short) 0);
        float[] out = new float[4];
        FloatBuffer to = FloatBuffer.wrap(out);

        Widening.toFloats(bytes.slice(0, 4), info("F32"), to);
        Widening.toFloats(bytes.slice(4, 8), info("F64"), to);
        Widening.toFloats(bytes.slice(12, 2), info("BF16"), to);
        Widening.toFloats(bytes.slice(14, 2), info("F16"), to);

        assertThat(out).containsExactly(0.1f, 0.1f, 0.100097656f, 0.099975586f);
    }

    @Test
    void integersAndPartsOfElementsAreRefused() {
        FloatBuffer to = FloatBuffer.allocate(8);

        assertThatThrownBy(() -> Widening.toFloats(ByteBuffer.allocate(8), info("I64"), to))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("I64");
        assertThatThrownBy(() -> Widening.toFloats(ByteBuffer.allocate(7), info("F32"), to))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("multiple of 4");
    }

    private static TensorInfo info(String format) {
        return new TensorInfo("t", format, new long[] {1});
    }
}
