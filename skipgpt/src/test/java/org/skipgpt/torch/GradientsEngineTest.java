package org.skipgpt.torch;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradientsEngineTest {
    private static final int LEAVES = 64;

    @Test
    void aFactorOutlivesTheGarbageCollector() {
        try (NDManager manager = Torch.manager(Device.cpu());
                var on = Torch.gradients(true)) {
            List<NDArray> leaves = new ArrayList<>();
            NDArray sum = manager.zeros(new Shape());
            for (int i = 0; i < LEAVES; i++) {
                NDArray leaf = manager.ones(new Shape(3));
                Gradients.require(leaf);
                leaves.add(leaf);
                sum = sum.add(Gradients.times(manager, leaf, 2 + i).sum());
            }
            overwriteFreedMemory();

            Gradients.backward(sum);

            for (int i = 0; i < LEAVES; i++) {
                assertThat(Gradients.of(leaves.get(i)).toFloatArray()).containsExactly(2 + i, 2 + i, 2 + i);
            }
        }
    }

    private static void overwriteFreedMemory() {
        for (int round = 0; round < 5; round++) {
            System.gc();
            List<ByteBuffer> small = new ArrayList<>(Collections.nCopies(20_000, ByteBuffer.allocate(0)));
            small.replaceAll(old -> {
                ByteBuffer direct = ByteBuffer.allocateDirect(4);
                direct.putInt(0, 0x7f800000);
                return direct;
            });
            assertThat(small).isNotEmpty();
        }
    }
}
