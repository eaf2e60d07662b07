package org.skipgpt.kernel.render;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Test;

class ArrayTextEngineTest {
    @Test
    void showsShapeTypeDeviceAndACorner() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray array = manager.arange(1000f).reshape(10, 5, 20);

            String text = ArrayText.of(array);

            assertThat(text).startsWith("NDArray (10, 5, 20) float32 on ").contains("first matrix", "7.0000", "...");
            assertThat(text).doesNotContain("8.0000");
            assertThat(text.lines().count()).isLessThan(10);
            assertThat(array.sum().getFloat()).isEqualTo(499500f); // the preview left the array alone
        }
    }

    @Test
    void showsScalarsEmptyAndClosedArrays() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray closed = manager.create(1f);
            closed.close();

            assertThat(ArrayText.of(manager.create(7L)).lines().toList())
                    .hasSize(2)
                    .last()
                    .asString()
                    .contains("7");
            assertThat(ArrayText.of(manager.create(new boolean[] {true, false})))
                    .contains("true", "false");
            assertThat(ArrayText.of(manager.create(new Shape(0, 3)))).startsWith("NDArray (0, 3)");
            assertThat(ArrayText.of(closed)).isEqualTo("NDArray, closed");
        }
    }
}
