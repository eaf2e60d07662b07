package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Torch;

/** A SkipGPT folder loads as it was saved, or not at all. */
class DamagedFolderEngineTest {
    private static final Path FORMAT1 = Golden.root().resolve("skipgpt").resolve("format1");

    @Test
    void aFolderOfTheVersionBeforeLoads() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = SkipGptFolder.load(FORMAT1, golden.model(manager), manager);

            float[] logits = model.logits(golden.ids(0))[0][20];

            float[] then = {4.9121957f, -2.7958264f, -1.8776616f, -0.05221821f, 1.5025147f, 2.2209582f};
            for (int i = 0; i < then.length; i++) {
                assertThat(logits[i]).isCloseTo(then[i], within(1e-4f));
            }
            RoutedPolicy policy = (RoutedPolicy) model.policy();
            assertThat(policy.forced())
                    .isEqualTo(ForcedExecution.none().withFirstTokens(1).withLayers(Set.of(2)));
        }
    }

    private static void save(Path folder, LanguageModel base, NDManager manager) {
        LoraConfig lora = LoraConfig.defaults().withRank(2);
        Adapter adapter = Lora.init(manager, base.config(), lora, 7);
        RoutedPolicy policy = RoutedPolicy.of(
                Gate.compile(manager), Routers.init(manager, base.config(), RouterConfig.defaults(), 5));
        SkipGptFolder.save(
                folder,
                base.withPolicy(policy).withAdapter(adapter),
                Optional.of(lora),
                Optional.empty(),
                Provenance.of("test"));
    }

    @Test
    void changedDescriptionsAreRefusedByField(@TempDir Path parent) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            Path folder = parent.resolve("tuned");
            save(folder, base, manager);
            Path meta = folder.resolve("skipgpt.json");
            String good = Files.readString(meta);
            record Change(String field, UnaryOperator<String> how) {}
            List<Change> changes = List.of(
                    new Change("router", s -> s.replace("\"router\"", "\"ruter\"")),
                    new Change("executeIndex", s -> s.replace("\"executeIndex\": 1", "\"executeIndex\": 7")),
                    new Change("router.bias", s -> s.replace("\"bias\": true", "\"bias\": \"yes\"")),
                    new Change("router.form", s -> s.replace("LINEAR", "CUBIC")),
                    new Change("router.hidden", s -> s.replace("\"hidden\": 0", "\"hidden\": -1")),
                    new Change("forced.layers", s -> s.replace("\"layers\": []", "\"layers\": [99]")),
                    new Change("forced.firstTokens", s -> s.replace("\"firstTokens\": 0", "\"firstTokens\": 0.5")),
                    new Change(
                            "thresholds", s -> s.replaceFirst("(?s)\"thresholds\": \\[.*?]", "\"thresholds\": [0, 0]")),
                    new Change("kvPolicy", s -> s.replace("\"KEEP\"", "\"SOME\"")),
                    new Change("format", s -> s.replace("\"format\": 2", "\"format\": 3")),
                    new Change("format", s -> s.replace("\"format\": 2", "\"format\": 1")),
                    new Change("base.hash", s -> s.replaceFirst("\"hash\": \"[0-9a-f]+\"", "\"hash\": 5")),
                    new Change("surprise", s -> s.replaceFirst("\\{", "{\"surprise\": 1,")),
                    new Change(
                            "adapter_model",
                            s -> s.replaceFirst(
                                    "(?s)(safetensors\": \"[0-9a-f]{64}\",\\s*\"adapter/"
                                            + "adapter_config.*?\",\\s*\"adapter/adapter_)model",
                                    "$1modle")));
            for (Change change : changes) {
                String bad = change.how.apply(good);
                assertThat(bad).as(change.field).isNotEqualTo(good);
                Files.writeString(meta, bad);
                String named = change.field.equals("format") ? "f" : change.field;

                assertThatThrownBy(() -> SkipGptFolder.load(folder, base, manager))
                        .as(change.field)
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("skipgpt.json")
                        .hasMessageContaining(named);
            }
            Files.writeString(meta, good);
            assertThat(SkipGptFolder.load(folder, base, manager).adapter()).isPresent();
        }
    }

    @Test
    void aFileThatIsMissingOrChangedIsRefused(@TempDir Path parent) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            for (String name : List.of(
                    "routers.safetensors", "adapter/adapter_config.json", "adapter/adapter_model.safetensors")) {
                Path folder = parent.resolve(name.replace('/', '-'));
                save(folder, base, manager);
                Path file = folder.resolve(name);
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length - 3] ^= 1;
                Files.write(file, bytes);
                assertThatThrownBy(() -> SkipGptFolder.load(folder, base, manager, KvPolicy.KEEP))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining(name)
                        .hasMessageContaining("sha256");
                Files.delete(file);
                assertThatThrownBy(() -> SkipGptFolder.load(folder, base, manager, KvPolicy.KEEP))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("lacks " + name);
            }
        }
    }

    @Test
    void aChangedRunStateIsNotGoneOnWith(@TempDir Path folder) throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            TuningOptions options = TuningOptions.workshop()
                    .withSteps(2)
                    .withBatch(1, 6)
                    .withHeldOut(1)
                    .withCheckpoints(folder, 1);
            List<String> documents = List.of("5 6 7 8 9 10", "8 9 10 11", "3 4 5 6");
            Runnable tune =
                    () -> Tuning.routers(model, .3, documents, options, org.skipgpt.report.ProgressObserver.silent());
            tune.run();
            Path file;
            try (Stream<Path> files = Files.walk(folder)) {
                file = files.filter(f -> f.endsWith("run.safetensors"))
                        .findFirst()
                        .orElseThrow();
            }
            byte[] good = Files.readAllBytes(file);
            String text = new String(good, java.nio.charset.StandardCharsets.ISO_8859_1);
            int step = text.indexOf("\\\"step\\\":2") + "\\\"step\\\":".length();
            assertThat(step).isGreaterThan(20);
            for (int at : new int[] {step, good.length - 9, good.length - 1, good.length / 2}) {
                byte[] bad = good.clone();
                bad[at] = (byte) (bad[at] == '1' ? '0' : '1');
                Files.write(file, bad);
                assertThatThrownBy(tune::run)
                        .as("byte %d of %d", at, good.length)
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("run.safetensors");
            }
            Files.write(file, good);
            tune.run();
        }
    }
}
