package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;
import org.skipgpt.torch.Torch;

/** A tuned model on disk. */
class SkipGptFolderEngineTest {
    @Test
    void savedAndLoadedAgainDecidesAlike(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            LanguageModel tuned = tuned(base, manager);
            Path folder = parent.resolve("tuned");

            SkipGptFolder.save(
                    folder,
                    tuned,
                    Optional.of(lora()),
                    Optional.of(Budget.of(0.25)),
                    Provenance.of("test").withSeed(3));
            LanguageModel again = SkipGptFolder.load(folder, base, manager, KvPolicy.DEFERRED);

            assertThat(again.logits(golden.ids(0))).isDeepEqualTo(tuned.logits(golden.ids(0)));
            RoutedPolicy policy = (RoutedPolicy) again.policy();
            assertThat(policy.routers().hash())
                    .isEqualTo(((RoutedPolicy) tuned.policy()).routers().hash());
            assertThat(policy.forced()).isEqualTo(ForcedExecution.none().withLayers(Set.of(1)));
        }
    }

    @Test
    void anotherBaseOrKvPolicyIsRefusedUnlessForced(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            Path folder = parent.resolve("tuned");
            SkipGptFolder.save(
                    folder,
                    tuned(base, manager),
                    Optional.of(lora()),
                    Optional.of(Budget.of(0.25)),
                    Provenance.of("test"));
            LanguageModel other = LanguageModel.dense(
                    "other",
                    "abc",
                    base.tokenizer(),
                    base.config(),
                    base.decoder().weights());

            assertThatThrownBy(() -> SkipGptFolder.load(folder, other, manager, KvPolicy.KEEP))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("this base is other");
            assertThatThrownBy(() -> SkipGptFolder.load(folder, base, manager, KvPolicy.EXECUTED))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("EXECUTED computes another function");
            assertThat(SkipGptFolder.loadUnchecked(folder, other, manager, KvPolicy.EXECUTED)
                            .policy()
                            .kvPolicy())
                    .isEqualTo(KvPolicy.EXECUTED);
        }
    }

    @Test
    void nothingIsOverwrittenAndAMalformedFileIsTold(@TempDir Path parent) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            assertThatThrownBy(() -> SkipGptFolder.save(
                            parent,
                            tuned(base, manager),
                            Optional.of(lora()),
                            Optional.of(Budget.of(0.25)),
                            Provenance.of("test")))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("nothing is overwritten");

            Files.writeString(parent.resolve("skipgpt.json"), "{\"format\": 1, \"base\": 3}");
            assertThatThrownBy(() -> SkipGptFolder.load(parent, base, manager, KvPolicy.KEEP))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("skipgpt.json");
        }
    }

    private static LoraConfig lora() {
        return LoraConfig.defaults().withRank(3);
    }

    private static LanguageModel tuned(LanguageModel base, NDManager manager) {
        Routers routers = Routers.init(manager, base.config(), RouterConfig.official(), 5);
        RoutedPolicy policy = RoutedPolicy.of(Gate.compile(manager), routers)
                .withThresholds(Thresholds.of(0.4))
                .withForced(ForcedExecution.none().withLayers(Set.of(1)));
        return base.withPolicy(policy).withAdapter(Lora.init(manager, base.config(), lora(), 7));
    }
}
