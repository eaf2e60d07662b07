package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;
import org.skipgpt.model.SavedPolicy;

/** Parts of a policy in a folder: a list of methods and settings in its JSON, and a file of tensors for each that has some. */
final class PolicyParts {
    private PolicyParts() {}

    /** Writes the tensors and returns what the JSON says of the parts. */
    static JsonArray write(Path folder, List<SavedPolicy> parts) {
        JsonArray list = new JsonArray();
        for (int i = 0; i < parts.size(); i++) {
            SavedPolicy part = parts.get(i);
            JsonObject one = new JsonObject();
            one.addProperty("method", part.method());
            one.add("settings", part.settings());
            if (!part.tensors().isEmpty()) {
                String name = "policy-" + i + ".safetensors";
                one.addProperty("tensors", name);
                write(folder.resolve(name), part);
            }
            list.add(one);
        }
        return list;
    }

    private static void write(Path file, SavedPolicy part) {
        List<TensorInfo> infos = new ArrayList<>();
        part.tensors()
                .forEach((name, array) ->
                        infos.add(new TensorInfo(name, "F32", array.getShape().getShape())));
        try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, infos)) {
            part.tensors().forEach((name, array) -> writer.write(name, bytes(array)));
            writer.finish();
        }
    }

    private static ByteBuffer bytes(NDArray array) {
        float[] numbers = array.toFloatArray();
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(numbers);
        return bytes;
    }

    /**
     * Puts the parts around a model's policy, the innermost first.
     *
     * @param more readers beside those found as services
     */
    static LanguageModel read(
            Path folder,
            List<JsonFields> list,
            LanguageModel over,
            KvPolicy kv,
            NDManager owner,
            List<PolicyReader> more) {
        SortedMap<String, PolicyReader> readers = new TreeMap<>();
        ServiceLoader.load(PolicyReader.class, PolicyReader.class.getClassLoader())
                .forEach(reader -> readers.put(reader.method(), reader));
        more.forEach(reader -> readers.put(reader.method(), reader));
        LanguageModel model = over;
        for (int i = list.size() - 1; i >= 0; i--) {
            model = part(folder, list.get(i), readers, model, kv, owner);
        }
        return model;
    }

    /** Whether a file's name is that of a part's tensors. */
    static boolean isPart(String name) {
        return name.matches("policy-[0-9]{1,4}\\.safetensors");
    }

    private static LanguageModel part(
            Path folder,
            JsonFields part,
            SortedMap<String, PolicyReader> readers,
            LanguageModel over,
            KvPolicy kv,
            NDManager owner) {
        String method = part.text("method");
        PolicyReader reader = Optional.ofNullable(readers.get(method))
                .orElseThrow(
                        () -> new CheckpointException("folder " + folder + " keeps a policy of the method \"" + method
                                + "\", which nothing here reads; known are " + readers.keySet()
                                + ": give its PolicyReader to the call that loads"));
        JsonObject settings = part.object("settings").json();
        Optional<String> stored = part.textIfThere("tensors");
        part.refuseOthers();
        if (stored.isEmpty()) {
            return named(folder, method, () -> reader.read(settings, Optional.empty(), over, kv, owner), over);
        }
        String file = stored.get();
        if (!isPart(file)) {
            throw new CheckpointException("folder " + folder + " keeps tensors of its policy in \"" + file
                    + "\": expected policy-0.safetensors or another number; save it again");
        }
        try (SafeTensors tensors = SafeTensors.open(folder.resolve(file))) {
            return named(folder, method, () -> reader.read(settings, Optional.of(tensors), over, kv, owner), over);
        }
    }

    // Readers get settings and tensors, and cannot say where those came from.
    private static LanguageModel named(Path folder, String method, Supplier<LayerPolicy> reading, LanguageModel over) {
        try {
            return over.withPolicy(reading.get());
        } catch (CheckpointException | IllegalArgumentException e) {
            throw new CheckpointException(
                    "file " + folder.resolve(SkipGptFolder.META) + ", policy of the method \"" + method + "\": "
                            + e.getMessage(),
                    e);
        }
    }
}
