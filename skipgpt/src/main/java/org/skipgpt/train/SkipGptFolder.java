package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonSyntaxException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.skipgpt.report.WholeFile;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;

/**
 * A tuned SkipGPT as a small folder beside its base model: {@code skipgpt.json}, {@code routers.safetensors} and, after
 * stage 2, a PEFT adapter in {@code adapter/}.
 *
 * <p>The base model's hash and the K/V policy are part of it: another base, or a policy that computes another function,
 * is refused.
 *
 * <pre>{@code
 * SkipGptFolder.save(folder, tuned, Optional.empty(), Optional.of(Budget.of(0.25)), Provenance.of("stage 1"));
 * LanguageModel again = SkipGptFolder.load(folder, base, manager, KvPolicy.KEEP);
 * }</pre>
 */
public final class SkipGptFolder {
    private static final String META = "skipgpt.json";
    private static final String ROUTERS = "routers.safetensors";
    private static final String ADAPTER = "adapter";
    private static final int FIRST_FORMAT = 1;
    private static final int FORMAT = 2;

    private SkipGptFolder() {}

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
        tuned.scope().close(); // a closed model is told as such
        Path temporary = WholeFile.temporary(folder);
        AtomicFile.makeFolder(temporary, folder);
        try {
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
            AtomicFile.write(temporary.resolve(META), Json.pretty(meta(tuned, policy, around, budget, provenance)));
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
        // Readers of the first format know nothing of other parts of a policy, and must not pass over them.
        json.addProperty("format", around.isEmpty() ? FIRST_FORMAT : FORMAT);
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
            json.add("budget", wanted);
        });
        json.add("provenance", JsonParser.parseString(provenance.toJson()));
        return json;
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
        return load(folder, base, owner, kvPolicy(folder, meta(folder)), false, List.of(readers));
    }

    private static JsonObject meta(Path folder) {
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
        return Json.object(folder.resolve(META));
    }

    private static KvPolicy kvPolicy(Path folder, JsonObject json) {
        String name = json.has("kvPolicy") && json.get("kvPolicy").isJsonPrimitive()
                ? json.get("kvPolicy").getAsString()
                : "";
        return Arrays.stream(KvPolicy.values())
                .filter(k -> k.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new CheckpointException("file " + folder.resolve(META) + " has kvPolicy \"" + name
                        + "\": expected one of " + Arrays.toString(KvPolicy.values()) + "; save it again"));
    }

    /** As {@link #load} onto any base of the right shape and under any K/V policy; the numbers are then another model's. */
    public static LanguageModel loadForced(Path folder, LanguageModel base, NDManager owner, KvPolicy kv) {
        return load(folder, base, owner, kv, true, List.of());
    }

    private static LanguageModel load(
            Path folder, LanguageModel base, NDManager owner, KvPolicy kv, boolean forced, List<PolicyReader> readers) {
        JsonObject json = meta(folder);
        try {
            int format = json.get("format").getAsInt();
            if (format < FIRST_FORMAT || format > FORMAT) {
                throw new CheckpointException("folder " + folder + " has format " + format + ", this version reads "
                        + FIRST_FORMAT + " to " + FORMAT + ": use a newer version");
            }
            if (!forced) {
                refuseAnother(folder, base, json, kv);
            }
            LanguageModel model =
                    base.withPolicy(json.has("router") ? routing(folder, base, owner, json, kv) : LayerPolicy.dense());
            if (json.has("policy")) {
                model = PolicyParts.read(folder, json.getAsJsonArray("policy"), model, kv, owner, readers);
            }
            Path adapter = folder.resolve(ADAPTER);
            return Files.isDirectory(adapter)
                    ? model.withAdapter(PeftFolder.read(adapter, base.config(), owner))
                    : model;
        } catch (NullPointerException
                | IllegalStateException
                | ClassCastException
                | JsonSyntaxException
                | NumberFormatException
                | UnsupportedOperationException e) {
            throw new CheckpointException(
                    "file " + folder.resolve(META) + " lacks a field or has one of the wrong kind: save it again", e);
        }
    }

    private static RoutedPolicy routing(
            Path folder, LanguageModel base, NDManager owner, JsonObject json, KvPolicy kv) {
        return RoutedPolicy.of(Gate.compile(owner), routers(folder, base, owner, json))
                .withThresholds(new Thresholds(new Gson().fromJson(json.get("thresholds"), double[].class)))
                .withForced(forcedExecution(json.getAsJsonObject("forced")))
                .withKvPolicy(kv);
    }

    private static void refuseAnother(Path folder, LanguageModel base, JsonObject json, KvPolicy kv) {
        JsonObject saved = json.getAsJsonObject("base");
        String hash = saved.get("hash").getAsString();
        if (!hash.equals(base.hash())) {
            throw new CheckpointException(
                    "folder " + folder + " was tuned on " + saved.get("name").getAsString()
                            + " (" + hash + "), this base is " + base.name() + " (" + base.hash()
                            + "): load that base, or use loadForced(folder, base, kvPolicy)");
        }
        KvPolicy tuned = kvPolicy(folder, json);
        if (!kv.sameValuesAs(tuned)) {
            throw new CheckpointException("folder " + folder + " was tuned under K/V policy " + tuned + "; " + kv
                    + " computes another function: use " + tuned + ", or loadForced(folder, base, kvPolicy)");
        }
    }

    private static Routers routers(Path folder, LanguageModel base, NDManager owner, JsonObject json) {
        JsonObject r = json.getAsJsonObject("router");
        RouterConfig config = new RouterConfig(
                RouterConfig.Form.valueOf(r.get("form").getAsString()),
                RouterConfig.Input.valueOf(r.get("input").getAsString()),
                RouterConfig.Norm.valueOf(r.get("norm").getAsString()),
                r.get("bias").getAsBoolean(),
                r.get("hidden").getAsInt(),
                r.get("coupled").getAsBoolean());
        Routers.ExecuteIndex index =
                json.get("executeIndex").getAsInt() == 1 ? Routers.ExecuteIndex.ONE : Routers.ExecuteIndex.ZERO;
        try (SafeTensors file = SafeTensors.open(folder.resolve(ROUTERS))) {
            return Routers.load(owner, base.config(), config, file, index);
        }
    }

    private static ForcedExecution forcedExecution(JsonObject json) {
        Set<Integer> layers = new TreeSet<>();
        json.getAsJsonArray("layers").forEach(l -> layers.add(l.getAsInt()));
        return ForcedExecution.none()
                .withFirstTokens(json.get("firstTokens").getAsInt())
                .withLayers(layers);
    }
}
