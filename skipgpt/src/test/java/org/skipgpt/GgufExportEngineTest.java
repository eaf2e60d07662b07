package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.skipgpt.SkipGpt.drop;
import static org.skipgpt.SkipGpt.exportGguf;
import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.workspace;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.data.DataException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.StockGguf;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ModuleSite;

/** A model is exported as GGUF and loaded again: what is left of it, and what is refused. */
class GgufExportEngineTest {
    private static final String TEXT = "A frog likes to eat flies;  Grüße, 日本語 12345 </s> x\n\tand a tab";
    private static LanguageModel model;
    private static String files;

    @BeforeAll
    static void loadWorld() {
        workspace("cpu", "fp32");
        model = load("world");
        files = Checkpoints.world().resolve("model").toString();
    }

    private static DropPlan without(int... modules) {
        return DropPlan.of(
                "by hand",
                model.config(),
                IntStream.of(modules).mapToObj(ModuleSite::of).toList(),
                Provenance.of("by hand"));
    }

    @Test
    void aModelWithoutLayersIsAFileWithTheSameLogitsThatWritesItselfAgain(@TempDir Path folder) {
        DropPlan plan = without(4, 5, 12, 13);
        LanguageModel pruned = drop(model, plan);
        String first = folder.resolve("new/pruned.gguf").toString();
        exportGguf(pruned, files, first);

        LanguageModel read = load(first);

        int[] ids = model.tokenizer().encodeWithBos(TEXT);
        assertThat(read.tokenizer().encodeWithBos(TEXT)).isEqualTo(ids).hasSizeGreaterThan(20);
        assertThat(read.tokenizer().ends()).isEqualTo(model.tokenizer().ends());
        assertThat(read.config()).isEqualTo(model.config().withLayers(plan.keptLayers()));
        assertThat(read.logits(ids)).isDeepEqualTo(pruned.logits(ids));
        try (GgufFile file = GgufFile.open(Path.of(first))) {
            assertThat(file.values()).containsEntry(StockGguf.PLAN, plan.json());
        }

        String second = folder.resolve("again.gguf").toString();
        exportGguf(read.named(model.name()), first, second);
        try (GgufFile one = GgufFile.open(Path.of(first));
                GgufFile two = GgufFile.open(Path.of(second))) {
            Map<String, Object> values = new LinkedHashMap<>(one.values());
            values.remove(StockGguf.PLAN);
            assertThat(two.values()).isEqualTo(values);
        }
    }

    @Test
    void aRoundedFileIsSmallerAndPredictsNearlyTheSame(@TempDir Path folder) {
        String file = folder.resolve("q8.gguf").toString();
        exportGguf(model, files, file, "Q8_0");

        LanguageModel read = load(file);

        int[] ids = model.tokenizer().encodeWithBos("A frog likes to eat flies.");
        double own = mean(model.logProbabilities(ids)[0]);
        double theirs = mean(read.logProbabilities(ids)[0]);
        assertThat(theirs).isNotEqualTo(own).isCloseTo(own, org.assertj.core.api.Assertions.within(0.05));
        assertThat(Path.of(file).toFile().length()).isBetween(7_000_000L, 7_500_000L);
    }

    private static double mean(float[] values) {
        return IntStream.range(0, values.length)
                .mapToDouble(i -> values[i])
                .average()
                .orElseThrow();
    }

    @Test
    void whatIsNoOrdinaryModelIsRefusedAndNothingIsWritten(@TempDir Path folder) {
        String file = folder.resolve("a.gguf").toString();
        LanguageModel skipping =
                model.withPolicy(ForcedPolicy.uniform(0.5, model.config().layers(), 1));
        assertThatThrownBy(() -> exportGguf(skipping, files, file)).hasMessageContaining("token by token");
        assertThatThrownBy(() -> exportGguf(drop(model, without(4)), files, file))
                .hasMessageContaining("attention 2");
        try (NDManager owner = model.scope()) {
            LanguageModel adapted = model.withAdapter(Lora.init(owner, model.config(), LoraConfig.defaults(), 1));
            assertThatThrownBy(() -> exportGguf(adapted, files, file))
                    .hasMessageContaining("adapter")
                    .hasMessageContaining("Lora.merge");
        }
        assertThatThrownBy(() -> exportGguf(model, files, file, "Q4_0")).hasMessageContaining("Q8_0");
        assertThatThrownBy(() -> exportGguf(model, folder.toString(), file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json");
        assertThat(folder).isEmptyDirectory();
    }
}
