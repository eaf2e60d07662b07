package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

class LayerRunEngineTest {
    @Test
    void layersRunInTheirOrderAndTheirStreamsAreFreed() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            List<NDArray> entered = new ArrayList<>();

            NDArray end = LayerRun.through(Places.one(manager), 2, 5, manager.create(1f), digits(entered));

            assertThat(end.getFloat()).isEqualTo(1234);
            assertThat(entered).hasSize(3).allMatch(NDArray::isReleased);
        }
    }

    @Test
    void aStreamThatALayerLeavesAsItIsStays() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            NDArray x = manager.create(1f);

            assertThat(LayerRun.through(Places.one(manager), 0, 3, x, (layer, in) -> in))
                    .isSameAs(x);
            assertThat(x.isReleased()).isFalse();
        }
    }

    @Test
    void aGraphKeepsEveryStream() {
        try (NDManager manager = Torch.manager(Device.cpu());
                var on = Torch.gradients(true)) {
            List<NDArray> entered = new ArrayList<>();

            LayerRun.through(Places.one(manager), 0, 3, manager.create(1f), digits(entered));

            assertThat(entered).hasSize(3).noneMatch(NDArray::isReleased);
        }
    }

    @Test
    void keptStreamsAreThoseThatEnteredEachLayer() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            List<NDArray> kept = new ArrayList<>();

            NDArray end = LayerRun.through(
                    Places.one(manager),
                    0,
                    3,
                    manager.create(1f),
                    digits(new ArrayList<>()).keeping(kept::add));

            assertThat(kept).extracting(NDArray::getFloat).containsExactly(1f, 10f, 101f);
            assertThat(end.getFloat()).isEqualTo(1012);
        }
    }

    @Test
    void anInterruptEndsAPassBetweenTwoLayersUnlessItMayNotBeCut() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            List<NDArray> entered = new ArrayList<>();
            LayerRun interrupted = (layer, in) -> {
                Thread.currentThread().interrupt();
                return digits(entered).run(layer, in);
            };
            try {
                assertThatThrownBy(() -> LayerRun.through(Places.one(manager), 0, 3, manager.create(1f), interrupted))
                        .isInstanceOf(CancellationException.class);
                assertThat(entered).hasSize(1);

                NDArray end = LayerRun.through(Places.one(manager), 0, 3, manager.create(1f), interrupted, false);

                assertThat(end.getFloat()).isEqualTo(1012);
            } finally {
                assertThat(Thread.interrupted()).isTrue();
            }
        }
    }

    // Writes its number behind those of the layers before it.
    private static LayerRun digits(List<NDArray> entered) {
        return (layer, in) -> {
            entered.add(in);
            return in.mul(10).add(layer);
        };
    }
}
