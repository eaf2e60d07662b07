package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

    /** Written by the library before layers had shapes of their own and plans a strict reader. */
    @Test
    void aPlanOfTheVersionBeforeOpens(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("plan.json");
        Files.writeString(
                file,
                "{\"method\":\"ShortGPT\",\"layers\":4,\"dropped\":[\"attention 1\",\"mlp 1\",\"mlp 3\"],"
                        + "\"parameterRatio\":0.4,\"allParameterRatio\":0.3590462833099579,\"provenance\":{"
                        + "\"config\":\"block influence\",\"model\":\"tiny\",\"modelHash\":\"0123\",\"data\":\"8 texts\","
                        + "\"dataHash\":\"4567\",\"versions\":{\"djl\":\"0.35.1\",\"java\":\"17.0.15\"},\"device\":\"\","
                        + "\"dtype\":\"\",\"threads\":0,\"cpu\":\"\"}}\n");

        DropPlan opened = DropPlan.open(file);

        assertThat(opened.dropped()).containsExactly(ModuleSite.of(2), ModuleSite.of(3), ModuleSite.of(7));
        assertThat(opened.parameterRatio()).isEqualTo(plan(2, 3, 7).parameterRatio());
        assertThat(opened.provenance().modelHash()).isEqualTo("0123");
    }

    private static DropPlan plan(int... modules) {
        List<ModuleSite> sites =
                java.util.Arrays.stream(modules).mapToObj(ModuleSite::of).toList();
        return DropPlan.of("a plan", SHAPE, sites, Provenance.of("test"));
    }
}
