package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.Json;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** Folders whose config.json names dropped modules load as models under that plan. */
class PrunedFolderEngineTest {
    @Test
    void listsOfDroppedModulesAreThePlanOfTheModel(@TempDir Path folder) throws IOException {
        Path world = Checkpoints.world();
        for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.copy(world.resolve("model").resolve(name), folder.resolve(name));
        }
        JsonObject json = Json.object(folder.resolve("config.json"));
        JsonArray layers = new JsonArray();
        layers.add(1);
        json.add("drop_attn_list", layers);
        json.add("drop_mlp_list", new JsonArray());
        Files.writeString(folder.resolve("config.json"), json.toString());
        int[] ids = {5, 6, 7, 8, 9};
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel dense = Checkpoints.load("world", manager, Dtype.FP32, ProgressObserver.silent());
            List<ModuleSite> sites = List.of(new ModuleSite(1, ModuleKind.ATTENTION));

            LanguageModel pruned = Checkpoints.load(folder.toString(), manager, Dtype.FP32, ProgressObserver.silent());

            assertThat(pruned.config().sites().stream().filter(pruned.policy()::isDropped))
                    .containsExactlyElementsOf(sites);
            assertThat(pruned.logits(ids))
                    .isDeepEqualTo(DropPlan.of("by hand", dense.config(), sites, Provenance.of("test"))
                            .applyTo(dense)
                            .logits(ids));
            assertThat(pruned.logits(ids)[0][4]).isNotEqualTo(dense.logits(ids)[0][4]);
        }
    }
}
