package org.skipgpt.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Test;

class PlacementTest {
    private static Map<String, ResourceInformation> gpus(String... addresses) {
        return Map.of("gpu", new ResourceInformation("gpu", addresses));
    }

    @Test
    void aTasksAddressIsItsDevice() {
        assertThat(Placement.device(gpus("3"), "cpu")).isEqualTo("cuda:3");
        assertThat(Placement.device(Map.of(), "cpu")).isEqualTo("cpu");
        assertThat(Placement.device("gpu0")).as("no task at all").isEqualTo("gpu0");
    }

    @Test
    void whatIsNoSingleNumberIsRefused() {
        assertThatThrownBy(() -> Placement.device(gpus("0", "1"), "cpu"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("[0, 1]", "spark.task.resource.gpu.amount=1");
        assertThatThrownBy(() -> Placement.device(gpus("GPU-5f"), "cpu")).hasMessageContaining("discovery script");
    }
}
