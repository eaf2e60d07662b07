package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;

class DropPlanTest {
    private static final DecoderConfig SHAPE = DecoderConfig.llama(64, 16, 32, 4, 2, 2);

    @Test
    void llamaCppPrunesTheSameLayers() {
        assertThat(plan(2, 3, 6, 7).llamaCppCommand("in.gguf", "out file.gguf"))
                .isEqualTo("llama-quantize --prune-layers 1,3 \"in.gguf\" \"out file.gguf\" COPY");
        assertThatThrownBy(() -> plan(2, 3, 7).llamaCppCommand("in.gguf", "out.gguf"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("whole layers only");
    }

    private static DropPlan plan(int... modules) {
        List<ModuleSite> sites =
                java.util.Arrays.stream(modules).mapToObj(ModuleSite::of).toList();
        return DropPlan.of("a plan", SHAPE, sites, Provenance.of("test"));
    }
}
