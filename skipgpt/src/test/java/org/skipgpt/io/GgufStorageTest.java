package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Numbers are rounded to the bytes of the gguf package, see make_written.py. */
class GgufStorageTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/gguf/rounded.safetensors");

    @ParameterizedTest
    @EnumSource(
            value = GgufStorage.class,
            names = {"F16", "BF16", "Q8_0"})
    void everyNumberHasTheBytesOfTheGgufPackage(GgufStorage storage) {
        try (SafeTensors golden = SafeTensors.open(GOLDEN)) {
            float[] x = golden.floats(storage == GgufStorage.Q8_0 ? "x.Q8_0" : "x");
            byte[] expected = new byte[(int) golden.info(storage.name()).byteSize()];
            golden.bytes(storage.name(), 0, expected.length).get(expected);

            assertThat(x.length).isGreaterThan(1000);
            assertThat(encoded(storage, x)).isEqualTo(expected);
        }
    }

    @Test
    void everyHalfIsTheHalfOfItsOwnValueAndAnInnerPointGoesToTheNearest() {
        for (int bits = 0; bits < 0x7c00; bits++) {
            float value = Widening.half((short) bits);
            assertThat(Narrowing.half(value)).isEqualTo((short) bits);
            assertThat(Narrowing.half(-value)).isEqualTo((short) (bits | 0x8000));
            float next = bits == 0x7bff ? 65536 : Widening.half((short) (bits + 1));
            float middle = (value + next) / 2;
            assertThat(Narrowing.half(middle)).isEqualTo((short) (bits + bits % 2));
            assertThat(Narrowing.half(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(Narrowing.half(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
        }
        assertThat(Widening.half(Narrowing.half(Float.NaN))).isNaN();
    }

    @Test
    void blocksTooSmallForAScaleAreZeros() {
        float[] small = new float[32];
        small[3] = 1e-42f;
        assertThat(encoded(GgufStorage.Q8_0, small)).containsOnly(0);
    }

    @Test
    void numbersThatHaveNoPlaceAreToldWithTheirTensor() {
        float[] large = new float[32];
        large[7] = 70_000;
        assertThatThrownBy(() -> encoded(GgufStorage.F16, large))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("w.weight")
                .hasMessageContaining("70000")
                .hasMessageContaining("BF16");
        large[7] = 1e8f;
        assertThatThrownBy(() -> encoded(GgufStorage.Q8_0, large)).hasMessageContaining("write BF16");
        large[7] = Float.MAX_VALUE;
        assertThatThrownBy(() -> encoded(GgufStorage.BF16, large)).hasMessageContaining("write F32");
        large[7] = Float.NaN;
        assertThatThrownBy(() -> encoded(GgufStorage.F32, large)).hasMessageContaining("NaN");
    }

    private static byte[] encoded(GgufStorage storage, float[] values) {
        int bytes = values.length / storage.blockElements() * storage.blockBytes();
        ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        storage.encode("w.weight", values, 0, values.length, out);
        assertThat(out.remaining()).isZero();
        return out.array();
    }
}
