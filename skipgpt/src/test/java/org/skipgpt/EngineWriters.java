package org.skipgpt;

import static org.skipgpt.Writer.Kind.REFUSES;
import static org.skipgpt.Writer.Kind.REPLACES;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.io.FolderLock;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.StockFolder;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.RunStates;
import org.skipgpt.train.SkipGptFolder;

/** All writers of what an engine's arrays hold. */
public final class EngineWriters implements AutoCloseable {
    private final NDManager manager = Torch.manager(Device.cpu());
    private final RunStates states = new RunStates();
    private final Golden golden = Golden.family("llama3");
    private final LanguageModel base = golden.model(manager);
    private final Gate gate = Gate.compile(manager);
    private final Routers routers = Routers.init(manager, base.config(), RouterConfig.defaults(), 5);

    public List<Writer> all() {
        return List.of(
                new Writer("SkipGPT folder", "", REFUSES, this::tuned, this::readTuned),
                new Writer("PEFT folder", "", REFUSES, this::adapter, this::readAdapter),
                new Writer("PEFT into a folder", "", REFUSES, this::adapterInto, this::readAdapter),
                new Writer("export with a plan", "", REFUSES, this::export, this::readExport),
                new Writer("run state", "", REPLACES, this::state, this::readState));
    }

    // an alpha of its own tells the write in the description, factors in the tensors
    private static LoraConfig lora(int number) {
        return LoraConfig.defaults().withRank(2).withAlpha(number + 1);
    }

    private Adapter adapter(NDManager owner, int number) {
        Adapter adapter = Lora.init(owner, base.config(), lora(number), 7);
        for (NDArray factor : Lora.parameters(adapter, base.config())) {
            factor.muli(0);
            factor.addi(number);
        }
        return adapter;
    }

    private Set<Integer> read(Adapter adapter) {
        List<Integer> parts = new ArrayList<>(List.of((int) Math.round(adapter.scale() * 2) - 1));
        for (NDArray factor : Lora.parameters(adapter, base.config())) {
            parts.add((int) factor.min().getFloat());
            parts.add((int) factor.max().getFloat());
        }
        return Writers.one(parts);
    }

    private void tuned(Path target, int number) {
        try (NDManager owner = base.scope()) {
            LanguageModel model = base.withPolicy(
                            RoutedPolicy.of(gate, routers).withThresholds(new Thresholds(new double[] {number})))
                    .withAdapter(adapter(owner, number));
            SkipGptFolder.save(target, model, Optional.of(lora(number)), Optional.empty(), Provenance.of("study"));
        }
    }

    private Set<Integer> readTuned(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        try (NDManager owner = base.scope()) {
            LanguageModel model = SkipGptFolder.load(target, base, owner);
            List<Integer> parts = new ArrayList<>(read(model.adapter().orElseThrow()));
            parts.add((int) ((RoutedPolicy) model.policy()).thresholds().logits()[0]);
            return Writers.one(parts);
        }
    }

    private void adapter(Path target, int number) {
        try (NDManager owner = base.scope()) {
            PeftFolder.write(target, adapter(owner, number), lora(number), base.config(), "base");
        }
    }

    private void adapterInto(Path target, int number) throws IOException {
        Files.createDirectories(target);
        adapter(target, number);
    }

    private Set<Integer> readAdapter(Path target) {
        if (!Files.exists(target.resolve("adapter_model.safetensors"))) {
            return Set.of();
        }
        try (NDManager owner = base.scope()) {
            return read(PeftFolder.read(target, base.config(), owner));
        }
    }

    private void export(Path target, int number) {
        List<ModuleSite> dropped = List.of(new ModuleSite(1, ModuleKind.ATTENTION), new ModuleSite(1, ModuleKind.MLP));
        DropPlan plan = DropPlan.of("m" + number, base.config(), dropped, Provenance.of("study"));
        StockFolder.save(plan.applyTo(base), Golden.root().resolve("harness/model"), target);
    }

    private Set<Integer> readExport(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        JsonFields config = JsonFields.of(target.resolve("config.json"));
        if (config.number("num_hidden_layers", Numbers.any()) != base.config().layers() - 1) {
            throw new AssertionError(target + " has other layers than its plan leaves");
        }
        return Set.of(Integer.parseInt(
                DropPlan.open(target.resolve("drop-plan.json")).method().substring(1)));
    }

    // as the loop of a training does
    private void state(Path target, int number) {
        try (FolderLock lock = FolderLock.of(target, "training")) {
            states.save(target, number % 50);
        }
    }

    private Set<Integer> readState(Path target) {
        return states.read(target)
                .map(all -> Set.of(Integer.parseInt(all.substring(0, all.indexOf(' ')))))
                .orElse(Set.of());
    }

    @Override
    public void close() {
        states.close();
        golden.close();
        manager.close();
    }
}
