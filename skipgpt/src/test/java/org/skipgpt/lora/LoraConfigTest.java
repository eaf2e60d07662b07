package org.skipgpt.lora;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.skipgpt.shape.Projection;

class LoraConfigTest {
    @Test
    void itsTextIsTheSameInEveryProcess() {
        assertThat(LoraConfig.defaults()).asString().contains("targets=[Q, V, GATE]");
        assertThat(LoraConfig.defaults().withTargets(Projection.DOWN, Projection.GATE, Projection.Q))
                .asString()
                .contains("targets=[Q, GATE, DOWN]");
    }
}
