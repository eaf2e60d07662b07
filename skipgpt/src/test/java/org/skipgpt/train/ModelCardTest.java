package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.torch.Torch;

class ModelCardTest {
    @Test
    void aSavedFolderSaysToPeopleWhatItIs(@TempDir Path parent) throws Exception {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel routed = Tuning.withRouters(golden.model(manager), RouterConfig.defaults(), 5);
            Path folder = parent.resolve("saved");
            Provenance provenance = Provenance.of("stage 1, settings so and so").withSeed(7);
            SkipGptFolder.save(
                    folder,
                    routed,
                    Optional.empty(),
                    Optional.of(Budget.of(.25).withKind(Budget.Kind.PARAMS)),
                    provenance);

            String card = Files.readString(folder.resolve("README.md"));
            assertThat(card)
                    .startsWith("---\nlibrary_name: skipgpt\n")
                    .contains(routed.name(), routed.hash(), "25.0 % of params to skip")
                    .contains("loadSkipGpt(", "stage 1, settings so and so", "7");
            assertThat(SkipGptFolder.load(folder, golden.model(manager), manager)
                            .policy()
                            .identity())
                    .isEqualTo(routed.policy().identity());
        }
    }
}
