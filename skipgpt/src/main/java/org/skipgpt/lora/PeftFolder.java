package org.skipgpt.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.Projection;

/**
 * Adapter folders of Hugging Face PEFT: {@code adapter_config.json} and {@code adapter_model.safetensors}.
 *
 * <pre>{@code
 * PeftFolder.write(folder, adapter, LoraConfig.defaults(), model.config(), "meta-llama/Llama-2-7b-hf");
 * var again = PeftFolder.read(folder, model.config(), manager);
 * }</pre>
 */
public final class PeftFolder {
    private static final String CONFIG = "adapter_config.json";
    private static final String TENSORS = "adapter_model.safetensors";

    private PeftFolder() {}

    /**
     * Reads the shape of an adapter.
     *
     * @throws CheckpointException for anything that is no plain LoRA on the seven projections
     */
    public static LoraConfig config(Path folder) {
        Path path = folder.resolve(CONFIG);
        JsonObject json = Json.object(path);
        List<String> faults = new ArrayList<>();
        for (String name : List.of("use_dora", "use_rslora", "lora_bias", "fan_in_fan_out")) {
            if (json.has(name) && !json.get(name).isJsonNull() && json.get(name).getAsBoolean()) {
                faults.add(name);
            }
        }
        for (String name : List.of("rank_pattern", "alpha_pattern")) {
            if (json.has(name)
                    && json.get(name).isJsonObject()
                    && json.get(name).getAsJsonObject().size() > 0) {
                faults.add(name);
            }
        }
        for (String name : List.of("modules_to_save", "layers_to_transform")) {
            if (json.has(name) && !json.get(name).isJsonNull()) {
                faults.add(name);
            }
        }
        if (!json.has("peft_type") || !json.get("peft_type").getAsString().equals("LORA")) {
            faults.add("peft_type");
        }
        if (!faults.isEmpty()) {
            throw new CheckpointException("File " + path + " sets " + faults
                    + ": plain LoRA of one rank in every layer is read; convert the adapter with peft first.");
        }
        Set<Projection> targets = EnumSet.noneOf(Projection.class);
        for (String name : targetNames(json, path)) {
            targets.add(projection(name, path));
        }
        return new LoraConfig(
                number(json, "r", path).getAsInt(),
                number(json, "lora_alpha", path).getAsDouble(),
                json.has("lora_dropout") ? json.get("lora_dropout").getAsDouble() : 0,
                targets);
    }

    private static JsonElement number(JsonObject json, String name, Path path) {
        if (!json.has(name) || !json.get(name).isJsonPrimitive()) {
            throw new CheckpointException("File " + path + " lacks " + name + "; fetch or write it again.");
        }
        return json.get(name);
    }

    private static List<String> targetNames(JsonObject json, Path path) {
        if (!json.has("target_modules") || !json.get("target_modules").isJsonArray()) {
            throw new CheckpointException(
                    "File " + path + " has no list target_modules; a pattern is not read: list the projections.");
        }
        List<String> names = new ArrayList<>();
        json.getAsJsonArray("target_modules").forEach(e -> names.add(e.getAsString()));
        return names;
    }

    private static Projection projection(String name, Path path) {
        for (Projection p : Projection.values()) {
            if (p.target().equals(name)) {
                return p;
            }
        }
        throw new CheckpointException("File " + path + " targets \"" + name + "\": expected some of "
                + Arrays.stream(Projection.values()).map(Projection::target).toList() + ".");
    }

    /**
     * Reads an adapter.
     *
     * @param owner owns the factors
     * @throws CheckpointException if a factor is missing, left over or has another shape than the model needs
     */
    public static Adapter read(Path folder, DecoderConfig model, NDManager owner) {
        LoraConfig config = config(folder);
        Map<Adapter.Key, Adapter.Pair> pairs = new HashMap<>();
        try (SafeTensors tensors = SafeTensors.open(folder.resolve(TENSORS))) {
            Set<String> left = new HashSet<>(tensors.names());
            for (int layer = 0; layer < model.layers(); layer++) {
                for (Projection p : config.targets()) {
                    String a = name(layer, p, "A");
                    String b = name(layer, p, "B");
                    pairs.put(
                            new Adapter.Key(layer, p),
                            new Adapter.Pair(
                                    array(tensors, a, owner, config.rank(), p.inputs(model)),
                                    array(tensors, b, owner, p.outputs(model), config.rank())));
                    left.removeAll(List.of(a, b));
                }
            }
            if (!left.isEmpty()) {
                throw new CheckpointException("File " + tensors.path() + " has tensors that fit nothing here: "
                        + left.stream().sorted().limit(3).toList() + " of " + left.size()
                        + "; load it onto the model it was tuned for.");
            }
        }
        return new Adapter(config.targets(), config.scale(), pairs);
    }

    private static NDArray array(SafeTensors tensors, String name, NDManager owner, long rows, long columns) {
        TensorInfo info = tensors.info(name);
        if (!Arrays.equals(info.shape(), new long[] {rows, columns})) {
            throw new CheckpointException("adapter tensor " + name + " has shape " + Arrays.toString(info.shape())
                    + " but this model needs [" + rows + ", " + columns + "]: load it onto the model it was tuned for");
        }
        return owner.create(tensors.floats(name), new Shape(rows, columns));
    }

    static String name(int layer, Projection p, String factor) {
        return "base_model.model.model.layers." + layer + "." + p.key() + ".lora_" + factor + ".weight";
    }

    /**
     * Writes an adapter; each file appears whole, tensors last.
     *
     * @param folder made where it does not exist; an adapter that is there already is not written over
     * @param base name of the base model, noted for other tools
     * @throws CheckpointException if the folder holds an adapter or cannot be made
     */
    public static void write(Path folder, Adapter adapter, LoraConfig config, DecoderConfig model, String base) {
        if (Files.exists(folder.resolve(CONFIG)) || Files.exists(folder.resolve(TENSORS))) {
            throw new CheckpointException("folder " + folder
                    + " holds an adapter already: nothing is overwritten; name another, or remove it first");
        }
        AtomicFile.makeFolder(folder, folder);
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        for (Adapter.Key key : Lora.keys(adapter, model)) {
            tensors.put(
                    name(key.layer(), key.projection(), "A"),
                    adapter.pair(key.layer(), key.projection()).a());
            tensors.put(
                    name(key.layer(), key.projection(), "B"),
                    adapter.pair(key.layer(), key.projection()).b());
        }
        AtomicFile.write(folder.resolve(CONFIG), Json.pretty(json(config, base)));
        List<TensorInfo> infos = new ArrayList<>();
        tensors.forEach((name, array) ->
                infos.add(new TensorInfo(name, "F32", array.getShape().getShape())));
        try (SafeTensorsWriter out = SafeTensorsWriter.create(folder.resolve(TENSORS), infos)) {
            tensors.forEach((name, array) -> out.write(name, bytes(array)));
            out.finish();
        }
    }

    private static ByteBuffer bytes(NDArray array) {
        float[] numbers = array.toFloatArray();
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(numbers);
        return bytes;
    }

    private static JsonObject json(LoraConfig config, String base) {
        JsonObject json = new JsonObject();
        json.addProperty("peft_type", "LORA");
        json.addProperty("task_type", "CAUSAL_LM");
        json.addProperty("base_model_name_or_path", base);
        json.addProperty("r", config.rank());
        json.addProperty("lora_alpha", config.alpha());
        json.addProperty("lora_dropout", config.dropout());
        json.addProperty("bias", "none");
        json.addProperty("fan_in_fan_out", false);
        json.addProperty("inference_mode", true);
        json.addProperty("init_lora_weights", true);
        json.add("modules_to_save", JsonNull.INSTANCE);
        JsonArray targets = new JsonArray();
        config.targets().stream().sorted().forEach(p -> targets.add(p.target()));
        json.add("target_modules", targets);
        return json;
    }
}
