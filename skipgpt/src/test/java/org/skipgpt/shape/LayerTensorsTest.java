package org.skipgpt.shape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class LayerTensorsTest {
    private static final DecoderConfig SHAPE = DecoderConfig.llama(64, 16, 32, 4, 2, 2);

    @Test
    void everyMatrixLiesInTheArrayThatSaysSo() {
        LayerTensors layer = LayerTensors.of(SHAPE, 1);
        for (Projection projection : Projection.values()) {
            int place = LayerTensors.place(SHAPE, projection.module(), projection.array());

            List<String> names = layer.of(projection.module()).get(place).tensors().stream()
                    .map(LayerTensors.Tensor::name)
                    .toList();

            assertThat(names).contains("model.layers.1." + projection.key() + ".weight");
        }
    }

    @Test
    void noTwoArraysOfALayerHaveOneNameInTheScript() {
        List<LayerArray> order = LayerTensors.order(SHAPE, ModuleKind.ATTENTION);

        assertThat(order).startsWith(LayerArray.NORM, LayerArray.QUERY);
        assertThat(order.stream().map(LayerArray::argument).collect(Collectors.toSet()))
                .hasSameSizeAs(order);
    }

    @Test
    void anArrayThatAModuleLacksIsNamed() {
        assertThatThrownBy(() -> LayerTensors.place(SHAPE, ModuleKind.MLP, LayerArray.QUERY_BIAS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no QUERY_BIAS in the mlp")
                .hasMessageContaining("GATE_UP, DOWN");
    }
}
