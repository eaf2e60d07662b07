package org.skipgpt;

import static org.skipgpt.FuzzTarget.alone;
import static org.skipgpt.FuzzTarget.among;
import static org.skipgpt.FuzzTarget.checkSame;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.Json;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.StockGguf;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.MixtureWeights;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.RunStates;
import org.skipgpt.train.SkipGptFolder;

/**
 * Kinds of files whose reading makes arrays: tuned folders, adapters, states of runs and models. What is read is also run.
 *
 * <p>Files whose sum another one has come twice: as they are, and with the sum put right, which gets the damage to the
 * readers behind.
 */
public final class FuzzFolders implements AutoCloseable {
    private static final String META = "skipgpt.json";
    private static final String ROUTERS = "routers.safetensors";
    private static final String ADAPTER_CONFIG = "adapter/adapter_config.json";
    private static final String ADAPTER_TENSORS = "adapter/adapter_model.safetensors";
    private static final int[] IDS = {5, 6, 7, 8};

    private final NDManager manager = Torch.manager(Device.cpu());
    private final RunStates states = new RunStates();
    private final Golden golden = Golden.family("llama3");
    private final LanguageModel base = golden.model(manager);

    /** All of them; their undamaged files are written into a folder first. */
    public List<FuzzTarget> targets(Path folder) throws IOException {
        return Stream.of(tuned(folder), around(folder), adapters(), runs(folder), models(folder))
                .flatMap(List::stream)
                .toList();
    }

    private List<FuzzTarget> tuned(Path parent) throws IOException {
        LoraConfig lora = LoraConfig.defaults().withRank(2);
        RoutedPolicy policy = RoutedPolicy.of(
                        Gate.compile(manager), Routers.init(manager, base.config(), RouterConfig.defaults(), 5))
                .withForced(ForcedExecution.none().withFirstTokens(1).withLayers(Set.of(1)));
        LanguageModel model = base.withPolicy(policy).withAdapter(Lora.init(manager, base.config(), lora, 7));
        Path folder = parent.resolve("tuned");
        SkipGptFolder.save(folder, model, Optional.of(lora), Optional.empty(), Provenance.of("test"));
        String saved = Sha256.of(folder.resolve(ROUTERS));
        Map<String, byte[]> files = FuzzTargets.files(folder, META, ROUTERS, ADAPTER_CONFIG, ADAPTER_TENSORS);
        return List.of(
                among("skipgpt.json", META, files, (d, f) -> load(d)),
                among("skipgpt routers", ROUTERS, files, (d, f) -> {
                    load(d);
                    checkSame(saved, Sha256.of(f));
                }),
                summed("skipgpt routers, sum", ROUTERS, files),
                summed("skipgpt adapter, sum", ADAPTER_CONFIG, files),
                summed("skipgpt tensors, sum", ADAPTER_TENSORS, files));
    }

    private List<FuzzTarget> around(Path parent) throws IOException {
        MixturePolicy mixture = MixturePolicy.of(
                manager, MixtureWeights.init(manager, base.config(), 3), 0.5, MixturePolicy.Choice.TOP_K);
        List<ModuleSite> dropped = List.of(new ModuleSite(0, ModuleKind.MLP));
        DropPlan plan = DropPlan.of("by hand", base.config(), dropped, Provenance.of("test"));
        Map<String, byte[]> mixed = saved(parent.resolve("mixture"), base.withPolicy(mixture), "policy-0.safetensors");
        return List.of(
                among("skipgpt.json mixture", META, mixed, (d, f) -> load(d)),
                summed("skipgpt mixture, sum", "policy-0.safetensors", mixed),
                among("skipgpt.json plan", META, saved(parent.resolve("plan"), plan.applyTo(base)), (d, f) -> load(d)));
    }

    private static Map<String, byte[]> saved(Path folder, LanguageModel model, String... parts) throws IOException {
        SkipGptFolder.save(folder, model, Optional.empty(), Optional.empty(), Provenance.of("test"));
        Map<String, byte[]> files = new HashMap<>(FuzzTargets.files(folder, parts));
        files.put(META, Files.readAllBytes(folder.resolve(META)));
        return files;
    }

    private FuzzTarget summed(String kind, String name, Map<String, byte[]> files) {
        return among(kind, name, files, (d, f) -> {
            JsonObject meta = Json.object(d.resolve(META));
            meta.getAsJsonObject("files").addProperty(name, Sha256.of(f));
            Files.writeString(d.resolve(META), Json.pretty(meta));
            load(d);
        });
    }

    private void load(Path folder) {
        try (NDManager scope = base.scope()) {
            run(SkipGptFolder.load(folder, base, scope));
        }
    }

    // Finite numbers may still be too large for what is computed with them, which is told where it is first seen.
    private static void run(LanguageModel model) {
        try {
            model.policy().describe();
            model.logits(Arrays.copyOf(IDS, Math.min(IDS.length, model.config().maxPositions())));
        } catch (IllegalArgumentException e) {
            if (!String.valueOf(e.getMessage()).contains("NaN")) {
                throw new AssertionError("read, but not to be run: " + e.getMessage(), e);
            }
        }
    }

    private List<FuzzTarget> adapters() throws IOException {
        Map<String, byte[]> plain = FuzzTargets.files(
                Golden.root().resolve("peft/adapter"), "adapter_config.json", "adapter_model.safetensors");
        Map<String, byte[]> dora = FuzzTargets.files(
                Golden.root().resolve("peft/variants/dora"), "adapter_config.json", "adapter_model.safetensors");
        return List.of(
                among("peft tensors", "adapter_model.safetensors", plain, (d, f) -> adapt(d)),
                among("peft applied", "adapter_config.json", plain, (d, f) -> adapt(d)),
                among("peft dora", "adapter_config.json", dora, (d, f) -> adapt(d)),
                among("peft dora tensors", "adapter_model.safetensors", dora, (d, f) -> adapt(d)));
    }

    private void adapt(Path folder) {
        try (NDManager scope = base.scope()) {
            run(PeftFolder.apply(folder, base, scope));
        }
    }

    private List<FuzzTarget> runs(Path parent) throws IOException {
        Path folder = Files.createDirectory(parent.resolve("run"));
        states.save(folder, 3);
        String saved = states.read(folder).orElseThrow();
        byte[] good = Files.readAllBytes(folder.resolve("run.safetensors"));
        return List.of(
                alone("run", "run.safetensors", good, (d, f) -> checkSame(Optional.of(saved), states.read(d))),
                alone("run, sum", "run.safetensors", good, (d, f) -> {
                    RunStates.sumUp(f);
                    states.read(d);
                }));
    }

    private static List<FuzzTarget> models(Path parent) throws IOException {
        Path from = Golden.root().resolve("harness/model");
        Map<String, byte[]> files = FuzzTargets.files(from, "config.json", "model.safetensors", "tokenizer.json");
        Path gguf = parent.resolve("model.gguf");
        try (NDManager owner = Torch.manager(Device.cpu())) {
            LanguageModel model = Checkpoints.load(from.toString(), owner, Dtype.FP32, ProgressObserver.silent());
            StockGguf.save(model, from, gguf, GgufStorage.F32);
        }
        return List.of(
                among("model config", "config.json", files, (d, f) -> model(d)),
                among("model weights", "model.safetensors", files, (d, f) -> model(d)),
                alone("gguf model", "model.gguf", Files.readAllBytes(gguf), (d, f) -> model(f)));
    }

    private static void model(Path where) {
        try (NDManager owner = Torch.manager(Device.cpu())) {
            LanguageModel model = Checkpoints.load(where.toString(), owner, Dtype.FP32, ProgressObserver.silent());
            run(model);
            model.tokenizer().decode(IDS);
        }
    }

    @Override
    public void close() {
        states.close();
        golden.close();
        manager.close();
    }
}
