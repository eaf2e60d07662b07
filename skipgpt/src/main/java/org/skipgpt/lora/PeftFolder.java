package org.skipgpt.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.FolderLock;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.WholeFile;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Places;

/**
 * Adapter folders of Hugging Face PEFT: {@code adapter_config.json} and {@code adapter_model.safetensors}.
 *
 * <pre>{@code
 * PeftFolder.write(folder, adapter, LoraConfig.defaults(), model.config(), "meta-llama/Llama-2-7b-hf");
 * var again = PeftFolder.read(folder, model.config(), manager);
 * }</pre>
 *
 * <p>Deviation: in families whose folders join matrices (Phi-3's {@code qkv_proj} and {@code gate_up_proj}) an adapter has factors
 * of the single matrices; it is read here again, but not by peft, and what peft tuned on the joined ones is refused by name.
 */
public final class PeftFolder {
    private static final String CONFIG = "adapter_config.json";
    private static final String TENSORS = "adapter_model.safetensors";
    // earlier versions of peft kept tensors so
    private static final String PICKLED = "adapter_model.bin";
    private static final String MATRIX = "base_model.model.model.layers.";
    // more than any model has: targets may name one layer only
    private static final int LAYERS_LOOKED_AT = 512;

    private PeftFolder() {}

    /**
     * Reads the shape of an adapter; ranks and scales of single matrices are not in it.
     *
     * @throws CheckpointException for anything that is no low-rank correction of the seven projections
     */
    public static LoraConfig config(Path folder) {
        PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
        config.check(LAYERS_LOOKED_AT);
        return config.shape(LAYERS_LOOKED_AT);
    }

    /**
     * Reads an adapter. A matrix that it leaves alone gets a factor B of zeros, and scales that differ are multiplied
     * into B, so that one scale holds for all.
     *
     * @param owner owns the factors
     * @throws CheckpointException if a factor is missing, left over or has another shape than the model needs, or if the
     *     folder holds more than factors: use {@link #apply}
     */
    public static Adapter read(Path folder, DecoderConfig model, NDManager owner) {
        PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
        for (String more : config.beyondFactors()) {
            throw config.fault(
                    more, "absent, empty or false, as only factors are read here; use PeftFolder.apply(folder, model)");
        }
        try (SafeTensors tensors = SafeTensors.open(folder.resolve(TENSORS))) {
            Set<String> left = new HashSet<>(tensors.names());
            Adapter adapter = factors(config, tensors, model, owner, left);
            refuseLeft(tensors, left);
            return adapter;
        }
    }

    private static Adapter factors(
            PeftConfig config, SafeTensors tensors, DecoderConfig model, NDManager owner, Set<String> left) {
        config.check(model.layers());
        Set<Projection> targets = config.targets(model.layers());
        LoraConfig shape = config.shape(model.layers());
        Places places = Places.under(owner);
        Map<Adapter.Key, Adapter.Pair> pairs = new HashMap<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            NDManager there = places.owner(layer);
            for (Projection p : targets) {
                Adapter.Pair pair = config.isTarget(layer, p)
                        ? pair(config, shape, tensors, model, there, layer, p, left)
                        : new Adapter.Pair(
                                there.zeros(new Shape(1, p.inputs(model, layer))),
                                there.zeros(new Shape(p.outputs(model, layer), 1)));
                pairs.put(new Adapter.Key(layer, p), pair);
            }
        }
        return new Adapter(targets, shape.scale(), pairs);
    }

    private static Adapter.Pair pair(
            PeftConfig config,
            LoraConfig shape,
            SafeTensors tensors,
            DecoderConfig model,
            NDManager owner,
            int layer,
            Projection p,
            Set<String> left) {
        int rank = config.rank(layer, p);
        String a = name(layer, p, "A");
        String b = name(layer, p, "B");
        left.removeAll(List.of(a, b));
        NDArray outputs = array(tensors, b, owner, p.outputs(model, layer), rank);
        double factor = config.scale(layer, p) / shape.scale();
        if (Math.abs(factor - 1) > 1e-12) {
            outputs.muli(factor);
        }
        return new Adapter.Pair(array(tensors, a, owner, rank, p.inputs(model, layer)), outputs);
    }

    private static void refuseLeft(SafeTensors tensors, Set<String> left) {
        if (!left.isEmpty()) {
            throw new CheckpointException("File " + tensors.path() + " has tensors that fit nothing here: "
                    + left.stream().sorted().limit(3).toList() + " of " + left.size()
                    + "; load it onto the model it was tuned for.");
        }
    }

    /**
     * A model as an adapter folder makes it, whatever of PEFT's LoRA the folder holds: low-rank factors stay an adapter;
     * with {@code use_dora} they are merged into new matrices, each row at its learned length; {@code modules_to_save}
     * replaces the embedding and the head.
     *
     * @param owner owns what is new; close it after the last use of the result
     * @throws CheckpointException for what is not read, with its field or tensor
     */
    public static LanguageModel apply(Path folder, LanguageModel model, NDManager owner) {
        PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
        try (SafeTensors tensors = SafeTensors.open(folder.resolve(TENSORS))) {
            Set<String> left = new HashSet<>(tensors.names());
            Adapter adapter = factors(config, tensors, model.config(), owner, left);
            Map<Adapter.Key, NDArray> lengths = lengths(config, tensors, adapter, model.config(), owner, left);
            LanguageModel whole = SavedModules.replaced(config, tensors, model, owner, left);
            refuseLeft(tensors, left);
            LanguageModel adapted = whole.withAdapter(adapter);
            return config.hasMagnitudes() ? Lora.merge(adapted, owner, lengths) : adapted;
        }
    }

    private static Map<Adapter.Key, NDArray> lengths(
            PeftConfig config,
            SafeTensors tensors,
            Adapter adapter,
            DecoderConfig model,
            NDManager owner,
            Set<String> left) {
        Map<Adapter.Key, NDArray> lengths = new HashMap<>();
        for (Adapter.Key key : config.hasMagnitudes() ? Lora.keys(adapter, model) : List.<Adapter.Key>of()) {
            if (config.isTarget(key.layer(), key.projection())) {
                // later versions of peft leave ".weight" out
                String name = MATRIX + key.layer() + "." + key.projection().key() + ".lora_magnitude_vector";
                String stored = tensors.names().contains(name) ? name : name + ".weight";
                left.remove(stored);
                lengths.put(key, vector(tensors, stored, owner, key.projection().outputs(model, key.layer())));
            }
        }
        return lengths;
    }

    private static NDArray vector(SafeTensors tensors, String name, NDManager owner, long size) {
        if (tensors.info(name).elements() != size) {
            throw misshapen(tensors.info(name), "[" + size + "]");
        }
        return owner.create(finite(tensors, name), new Shape(size));
    }

    private static float[] finite(SafeTensors tensors, String name) {
        float[] numbers = tensors.floats(name);
        for (float number : numbers) {
            if (!Float.isFinite(number)) {
                throw new CheckpointException("adapter tensor " + name + " of " + tensors.path()
                        + " has a number that is NaN or infinite; tune or fetch the adapter again");
            }
        }
        return numbers;
    }

    private static CheckpointException misshapen(TensorInfo info, String needed) {
        return new CheckpointException("adapter tensor " + info.name() + " has shape " + Arrays.toString(info.shape())
                + " but this model needs " + needed + ": load it onto the model it was tuned for");
    }

    private static NDArray array(SafeTensors tensors, String name, NDManager owner, long rows, long columns) {
        TensorInfo info = tensors.info(name);
        if (!Arrays.equals(info.shape(), new long[] {rows, columns})) {
            throw misshapen(info, "[" + rows + ", " + columns + "]");
        }
        return owner.create(finite(tensors, name), new Shape(rows, columns));
    }

    static String name(int layer, Projection p, String factor) {
        return MATRIX + layer + "." + p.key() + ".lora_" + factor + ".weight";
    }

    /**
     * Writes an adapter; a folder that is new appears under its name when it is whole, else each file does, tensors last.
     *
     * @param folder made where it does not exist; an adapter that is there already is not written over, but a description
     *     without tensors, which a killed writer left, is
     * @param base name of the base model, noted for other tools
     * @throws CheckpointException if the folder holds an adapter, another writer is at it or it cannot be made
     */
    public static void write(Path folder, Adapter adapter, LoraConfig config, DecoderConfig model, String base) {
        if (Files.exists(folder)) {
            // Description and tensors are two files: of two writers each could leave one.
            try (FolderLock lock = FolderLock.of(folder, "adapter")) {
                refuseHeld(folder);
                writeFiles(folder, adapter, config, model, base);
            }
            return;
        }
        Path temporary = WholeFile.temporary(folder);
        AtomicFile.makeFolder(temporary, folder);
        try {
            writeFiles(temporary, adapter, config, model, base);
            WholeFile.move(temporary, folder);
        } catch (IOException e) {
            throw AtomicFile.failure(folder, e);
        } finally {
            remove(temporary);
        }
    }

    private static void refuseHeld(Path folder) {
        for (String tensors : List.of(TENSORS, PICKLED)) {
            if (Files.exists(folder.resolve(tensors))) {
                throw new CheckpointException("folder " + folder + " holds an adapter already (" + tensors
                        + "): nothing is overwritten; name another, or remove it first");
            }
        }
    }

    // What a failure left; a folder in place has no such name any more.
    private static void remove(Path temporary) {
        try {
            for (String name : List.of(CONFIG, TENSORS, "")) {
                Files.deleteIfExists(temporary.resolve(name));
            }
        } catch (IOException e) {
            throw AtomicFile.failure(temporary, e);
        }
    }

    private static void writeFiles(Path folder, Adapter adapter, LoraConfig config, DecoderConfig model, String base) {
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        for (Adapter.Key key : Lora.keys(adapter, model)) {
            tensors.put(
                    name(key.layer(), key.projection(), "A"),
                    adapter.pair(key.layer(), key.projection()).a());
            tensors.put(
                    name(key.layer(), key.projection(), "B"),
                    adapter.pair(key.layer(), key.projection()).b());
        }
        JsonObject json = json(config, base);
        addRanks(json, adapter, config, model);
        AtomicFile.write(folder.resolve(CONFIG), Json.pretty(json));
        List<TensorInfo> infos = new ArrayList<>();
        tensors.forEach((name, array) ->
                infos.add(new TensorInfo(name, "F32", array.getShape().getShape())));
        try (SafeTensorsWriter out = SafeTensorsWriter.create(folder.resolve(TENSORS), infos)) {
            tensors.forEach((name, array) -> out.write(name, bytes(array)));
            out.finish();
        }
    }

    // Matrices of another rank than the shape's, with the alpha that gives them the one scale.
    private static void addRanks(JsonObject json, Adapter adapter, LoraConfig config, DecoderConfig model) {
        JsonObject ranks = new JsonObject();
        JsonObject alphas = new JsonObject();
        for (Adapter.Key key : Lora.keys(adapter, model)) {
            long rank =
                    adapter.pair(key.layer(), key.projection()).a().getShape().get(0);
            if (rank != config.rank()) {
                String name = PeftConfig.key(key.layer(), key.projection()).replace(".", "\\.");
                ranks.addProperty(name, rank);
                alphas.addProperty(name, adapter.scale() * rank);
            }
        }
        json.add("rank_pattern", ranks);
        json.add("alpha_pattern", alphas);
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
