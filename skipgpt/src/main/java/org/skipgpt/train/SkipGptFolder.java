package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.FoundInstead;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.WholeFile;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.Positions;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;
import org.skipgpt.torch.InUse;

/**
 * A tuned SkipGPT as a small folder beside its base model: {@code skipgpt.json}, {@code routers.safetensors} and, after
 * stage 2, a PEFT adapter in {@code adapter/}; {@code README.md} says to people what it is.
 *
 * <p>The base model's hash, the K/V policy and the sha256 of every file are part of it: another base, a policy that
 * computes another function, or a file that is not what was saved, is refused, and so is a field that is not known.
 *
 * <pre>{@code
 * SkipGptFolder.save(folder, tuned, Optional.empty(), Optional.of(Budget.of(0.25)), Provenance.of("stage 1"));
 * LanguageModel again = SkipGptFolder.load(folder, base, manager, KvPolicy.KEEP);
 * }</pre>
 */
public final class SkipGptFolder {
    static final String META = "skipgpt.json";
    private static final String ROUTERS = "routers.safetensors";
    private static final String ADAPTER = "adapter";
    private static final String ADAPTER_CONFIG = ADAPTER + "/adapter_config.json";
    private static final String ADAPTER_TENSORS = ADAPTER + "/adapter_model.safetensors";
    // 1: without the sums of the files
    private static final int FIRST_FORMAT = 1;
    private static final int FORMAT = 2;

    private SkipGptFolder() {}

    /**
     * Writes what a tuning made, with a page of what it measured; the folder appears under its name when it is whole.
     *
     * @param folder must not exist yet
     * @throws CheckpointException if the folder exists or cannot be made
     */
    public static void save(Path folder, Tuned tuned) {
        save(folder, tuned.model(), tuned.lora(), tuned.budget(), tuned.provenance(), ModelCard.of(tuned));
    }

    /**
     * Writes a folder; it appears under its name when it is whole.
     *
     * @param folder must not exist yet
     * @param tuned a model with routers, with an adapter, or with both
     * @param lora the adapter's shape; needed where the model has one
     * @param budget what the routers were tuned for; empty where unknown or where there are none
     * @throws CheckpointException if the folder exists or cannot be made
     */
    public static void save(
            Path folder,
            LanguageModel tuned,
            Optional<LoraConfig> lora,
            Optional<Budget> budget,
            Provenance provenance) {
        save(folder, tuned, lora, budget, provenance, ModelCard.of(tuned, budget, provenance));
    }

    private static void save(
            Path folder,
            LanguageModel tuned,
            Optional<LoraConfig> lora,
            Optional<Budget> budget,
            Provenance provenance,
            ModelCard card) {
        Optional<RoutedPolicy> policy = RoutedPolicy.in(tuned.policy());
        List<SavedPolicy> parts = tuned.policy().saved();
        if (policy.isEmpty() && parts.isEmpty() && tuned.adapter().isEmpty()) {
            throw new IllegalArgumentException("a SkipGPT folder holds a policy, an adapter or both, but this model is "
                    + tuned.policy().describe() + " without an adapter: give it routers first");
        }
        if (tuned.adapter().isPresent() != lora.isPresent()) {
            throw new IllegalArgumentException("the model " + (lora.isPresent() ? "has no adapter" : "has an adapter")
                    + ": give its LoraConfig" + " where it has one, else nothing");
        }
        if (!folder.toString().isBlank() && Files.exists(folder)) {
            throw new CheckpointException("folder " + folder + " exists already: nothing is overwritten; name another");
        }
        tuned.hold().close(); // a closed model is told as such before anything is made
        Path temporary = WholeFile.temporary(folder);
        AtomicFile.makeFolder(temporary, folder);
        try (InUse.Hold held = tuned.hold()) {
            if (policy.isPresent()) {
                writeRouters(temporary.resolve(ROUTERS), policy.get().routers());
            }
            if (lora.isPresent()) {
                PeftFolder.write(
                        temporary.resolve(ADAPTER),
                        tuned.adapter().orElseThrow(),
                        lora.get(),
                        tuned.config(),
                        tuned.name());
            }
            JsonArray around = PolicyParts.write(temporary, parts);
            JsonObject meta = meta(tuned, policy, around, budget, provenance);
            meta.add("files", sums(temporary));
            AtomicFile.write(temporary.resolve(META), Json.pretty(meta));
            AtomicFile.write(temporary.resolve(ModelCard.FILE), card.text());
            Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw AtomicFile.failure(folder, e);
        } finally {
            remove(temporary);
        }
    }

    // What a failure left; a folder in place has no such name any more.
    private static void remove(Path temporary) {
        try (Stream<Path> files = Files.exists(temporary) ? Files.walk(temporary) : Stream.empty()) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw AtomicFile.failure(temporary, e);
        }
    }

    private static JsonObject meta(
            LanguageModel tuned,
            Optional<RoutedPolicy> policy,
            JsonArray around,
            Optional<Budget> budget,
            Provenance provenance) {
        JsonObject base = new JsonObject();
        base.addProperty("name", tuned.name());
        base.addProperty("hash", tuned.hash());
        JsonObject json = new JsonObject();
        json.addProperty("format", FORMAT);
        json.add("base", base);
        json.addProperty("kvPolicy", tuned.policy().kvPolicy().name());
        policy.ifPresent(p -> addRouting(json, p));
        if (!around.isEmpty()) {
            json.add("policy", around);
        }
        budget.ifPresent(b -> {
            JsonObject wanted = new JsonObject();
            wanted.addProperty("target", b.target());
            wanted.addProperty("kind", b.kind().name());
            wanted.addProperty("alpha", b.alpha());
            wanted.addProperty("scope", b.scope().name());
            wanted.addProperty("context", b.context());
            wanted.addProperty("controller", b.controller().toString());
            if (!b.costs().isEmpty()) {
                wanted.add("costs", new Gson().toJsonTree(b.costs()));
            }
            json.add("budget", wanted);
        });
        json.add("provenance", JsonParser.parseString(provenance.toJson()));
        return json;
    }

    // sha256 of every file that the description needs
    private static JsonObject sums(Path folder) {
        JsonObject sums = new JsonObject();
        for (String name : parts(folder)) {
            sums.addProperty(name, Sha256.of(folder.resolve(name)));
        }
        return sums;
    }

    private static List<String> parts(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            Stream<String> around =
                    files.map(file -> String.valueOf(file.getFileName())).filter(PolicyParts::isPart);
            return Stream.concat(
                            Stream.of(ROUTERS, ADAPTER_CONFIG, ADAPTER_TENSORS)
                                    .filter(name -> Files.exists(folder.resolve(name))),
                            around.sorted())
                    .toList();
        } catch (IOException e) {
            throw AtomicFile.failure(folder, e);
        }
    }

    private static void addRouting(JsonObject json, RoutedPolicy policy) {
        JsonArray layers = new JsonArray();
        new TreeSet<>(policy.forced().layers()).forEach(layers::add);
        JsonObject forced = new JsonObject();
        forced.addProperty("firstTokens", policy.forced().firstTokens());
        forced.add("layers", layers);
        json.addProperty("executeIndex", 1);
        json.add("router", routerJson(policy.routers().config()));
        json.add("thresholds", new Gson().toJsonTree(policy.thresholds().logits()));
        json.add("forced", forced);
        Positions positions = policy.positions();
        if (!positions.isEven()) {
            JsonObject by = new JsonObject();
            by.addProperty("length", positions.length());
            by.addProperty("attentionFirst", positions.attentionFirst());
            by.addProperty("attentionLast", positions.attentionLast());
            by.addProperty("mlpFirst", positions.mlpFirst());
            by.addProperty("mlpLast", positions.mlpLast());
            json.add("positions", by);
        }
    }

    private static JsonObject routerJson(RouterConfig config) {
        JsonObject json = new JsonObject();
        json.addProperty("form", config.form().name());
        json.addProperty("input", config.input().name());
        json.addProperty("norm", config.norm().name());
        json.addProperty("bias", config.bias());
        json.addProperty("hidden", config.hidden());
        json.addProperty("coupled", config.coupled());
        return json;
    }

    private static void writeRouters(Path file, Routers routers) {
        List<TensorInfo> infos = new ArrayList<>();
        for (int i = 0; i < routers.names().size(); i++) {
            infos.add(new TensorInfo(
                    routers.names().get(i),
                    "F32",
                    routers.parameters().get(i).getShape().getShape()));
        }
        try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, infos)) {
            for (int i = 0; i < infos.size(); i++) {
                NDArray array = routers.parameters().get(i);
                float[] numbers = array.toFloatArray();
                ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(numbers);
                writer.write(infos.get(i).name(), bytes);
            }
            writer.finish();
        }
    }

    /**
     * The tuned model over its base.
     *
     * @param base the model the routers were tuned on
     * @param owner owns the routers and the adapter
     * @param kv the policy to run under; must compute what the routers were tuned for
     * @throws CheckpointException for another base, another K/V function or a malformed folder
     */
    public static LanguageModel load(Path folder, LanguageModel base, NDManager owner, KvPolicy kv) {
        return load(folder, base, owner, kv, false, List.of());
    }

    /**
     * The tuned model over its base, under the K/V policy it was saved with.
     *
     * @param readers for parts of the policy that are one's own; the library's are known
     */
    public static LanguageModel load(Path folder, LanguageModel base, NDManager owner, PolicyReader... readers) {
        return load(folder, base, owner, meta(folder).choice("kvPolicy", KvPolicy.class), false, List.of(readers));
    }

    private static JsonFields meta(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException("no SkipGPT folder at \"" + folder + "\": "
                    + (Files.exists(folder)
                            ? "that is a file; name the folder that save(...) wrote"
                            : "it does not exist; check the path"));
        }
        if (folder.toString().isBlank() || !Files.exists(folder.resolve(META))) {
            throw new CheckpointException("no SkipGPT folder at \"" + folder + "\": "
                    + FoundInstead.in(folder).orElse("it has no " + META + "; name the folder that save(...) wrote"));
        }
        return JsonFields.of(folder.resolve(META));
    }

    /** As {@link #load} onto any base of the right shape and under any K/V policy; the numbers are then another model's. */
    public static LanguageModel loadUnchecked(Path folder, LanguageModel base, NDManager owner, KvPolicy kv) {
        return load(folder, base, owner, kv, true, List.of());
    }

    private static LanguageModel load(
            Path folder, LanguageModel base, NDManager owner, KvPolicy kv, boolean forced, List<PolicyReader> readers) {
        JsonFields json = meta(folder);
        int format = json.integer("format", FIRST_FORMAT, FORMAT);
        Set<String> stored = checkedFiles(folder, json, format);
        JsonFields saved = json.object("base");
        KvPolicy tuned = json.choice("kvPolicy", KvPolicy.class);
        refuseAnother(folder, base, saved.text("name"), saved.text("hash"), tuned, kv, forced);
        saved.refuseOthers();
        json.objectIfThere("budget");
        json.object("provenance");
        boolean routed = json.has("router");
        if (routed != stored.contains(ROUTERS)) {
            throw json.fault(
                    "router",
                    routed ? "absent where " + ROUTERS + " is missing" : "the shape of the routers in " + ROUTERS);
        }
        if (!routed && !stored.contains(ADAPTER_TENSORS) && !json.has("policy")) {
            throw new CheckpointException("folder " + folder + " holds neither " + ROUTERS + " nor " + ADAPTER
                    + "/ nor a policy: part of it is missing; save it again");
        }
        LayerPolicy policy = routed ? routing(folder, base, owner, json, kv) : LayerPolicy.dense();
        List<JsonFields> around = json.has("policy") ? json.objects("policy") : List.of();
        json.refuseOthers();
        LanguageModel model = PolicyParts.read(folder, around, base.withPolicy(policy), kv, owner, readers);
        return stored.contains(ADAPTER_TENSORS)
                ? model.withAdapter(PeftFolder.read(folder.resolve(ADAPTER), base.config(), owner))
                : model;
    }

    /** The files that belong to the folder, each with the content it was saved with. */
    private static Set<String> checkedFiles(Path folder, JsonFields json, int format) {
        Set<String> here = Set.copyOf(parts(folder));
        if (format == FIRST_FORMAT) {
            return here;
        }
        JsonFields sums = json.object("files");
        Set<String> all = new TreeSet<>(here);
        sums.names().stream().filter(PolicyParts::isPart).forEach(all::add);
        all.addAll(List.of(ROUTERS, ADAPTER_CONFIG, ADAPTER_TENSORS));
        for (String name : all) {
            Optional<String> sum = sums.textIfThere(name);
            if (sum.isPresent() != here.contains(name)) {
                throw new CheckpointException("folder " + folder + (sum.isPresent() ? " lacks " : " has got ") + name
                        + ", which " + META + (sum.isPresent() ? " lists" : " does not list") + ": save it again");
            }
            if (sum.isPresent() && !sum.get().equals(Sha256.of(folder.resolve(name)))) {
                throw new CheckpointException("file " + folder.resolve(name)
                        + " is not what was saved: its sha256 is not the one in " + META + "; save it again");
            }
        }
        sums.refuseOthers();
        return here;
    }

    private static RoutedPolicy routing(
            Path folder, LanguageModel base, NDManager owner, JsonFields json, KvPolicy kv) {
        int modules = base.config().modules();
        List<Double> thresholds = json.numbers("thresholds", Numbers.any());
        if (thresholds.size() != 1 && thresholds.size() != modules) {
            throw json.fault("thresholds", "one number, or one for each of " + modules + " modules");
        }
        double[] logits = thresholds.stream().mapToDouble(Double::doubleValue).toArray();
        return RoutedPolicy.of(Gate.compile(owner), routers(folder, base, owner, json))
                .withThresholds(new Thresholds(logits))
                .withForced(forcedExecution(json.object("forced"), base.config().layers()))
                .withPositions(json.has("positions") ? positions(json.object("positions")) : Positions.even())
                .withKvPolicy(kv);
    }

    private static Positions positions(JsonFields json) {
        Positions positions = new Positions(
                json.integer("length", 1, Integer.MAX_VALUE),
                json.number("attentionFirst", Numbers.any()),
                json.number("attentionLast", Numbers.any()),
                json.number("mlpFirst", Numbers.any()),
                json.number("mlpLast", Numbers.any()));
        json.refuseOthers();
        return positions;
    }

    private static void refuseAnother(
            Path folder, LanguageModel base, String name, String hash, KvPolicy tuned, KvPolicy kv, boolean forced) {
        if (!forced && !hash.equals(base.hash())) {
            throw new CheckpointException(
                    "folder " + folder + " was tuned on " + name + " (" + hash + "), this base is "
                            + base.name() + " (" + base.hash()
                            + "): load that base, or use loadSkipGptUnchecked(folder, base, kvPolicy)");
        }
        if (!forced && !kv.sameValuesAs(tuned)) {
            throw new CheckpointException("folder " + folder + " was tuned under K/V policy " + tuned + "; " + kv
                    + " computes another function: use " + tuned + ", or loadSkipGptUnchecked(folder, base, kvPolicy)");
        }
    }

    private static Routers routers(Path folder, LanguageModel base, NDManager owner, JsonFields json) {
        JsonFields r = json.object("router");
        RouterConfig config = new RouterConfig(
                r.choice("form", RouterConfig.Form.class),
                r.choice("input", RouterConfig.Input.class),
                r.choice("norm", RouterConfig.Norm.class),
                r.flag("bias"),
                r.integer("hidden", 0, 1 << 20),
                r.flag("coupled"));
        r.refuseOthers();
        Routers.ExecuteIndex index =
                json.integer("executeIndex", 0, 1) == 1 ? Routers.ExecuteIndex.ONE : Routers.ExecuteIndex.ZERO;
        try (SafeTensors file = SafeTensors.open(folder.resolve(ROUTERS))) {
            return Routers.load(owner, base.config(), config, file, index);
        }
    }

    private static ForcedExecution forcedExecution(JsonFields json, int layers) {
        ForcedExecution forced = ForcedExecution.none()
                .withFirstTokens(json.integer("firstTokens", 0, Integer.MAX_VALUE))
                .withLayers(new TreeSet<>(json.integers("layers", 0, layers - 1)));
        json.refuseOthers();
        return forced;
    }
}
