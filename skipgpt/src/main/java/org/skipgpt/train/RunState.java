package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.model.WeightStore;

/**
 * A run's state on disk: parameters, moments, step and log, in one safetensors file that is moved into place whole.
 *
 * <p>One file, so that a kill at any moment leaves either the old state or the new one, never a mixture.
 */
final class RunState {
    private static final String FILE = "run.safetensors";

    private RunState() {}

    /** Makes the folder and sees that states can be written there, before the work whose results it is to keep. */
    static void prepare(Path folder) {
        AtomicFile.makeFolder(folder, folder);
        AtomicFile.begin(folder.resolve(FILE)).close();
    }

    static void save(
            Path folder,
            Map<String, NDArray> arrays,
            WeightStore store,
            long step,
            String fingerprint,
            TrainingLog log) {
        List<TensorInfo> infos = new ArrayList<>();
        arrays.forEach((name, array) ->
                infos.add(new TensorInfo(name, "F32", array.getShape().getShape())));
        JsonObject meta = new JsonObject();
        meta.addProperty("step", step);
        meta.addProperty("fingerprint", fingerprint);
        Map<String, String> metadata = Map.of("format", "pt", "run", meta.toString(), "log", log.json());
        AtomicFile.makeFolder(folder, folder);
        try (SafeTensorsWriter writer = SafeTensorsWriter.create(folder.resolve(FILE), infos, metadata)) {
            arrays.forEach((name, array) -> store.read(array, (piece, at) -> {
                ByteBuffer bytes = ByteBuffer.allocate(4 * piece.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(piece);
                writer.write(name, bytes);
            }));
            writer.finish();
        }
        AtomicFile.write(folder.resolve("log.csv"), log.csv());
    }

    /** Reads a state back into the arrays; empty where none was saved. */
    static Optional<Loaded> load(Path folder, Map<String, NDArray> arrays, WeightStore store, String fingerprint) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (SafeTensors tensors = SafeTensors.open(file)) {
            JsonObject meta = JsonParser.parseString(tensors.metadata().getOrDefault("run", "{}"))
                    .getAsJsonObject();
            String saved = meta.has("fingerprint") ? meta.get("fingerprint").getAsString() : "";
            if (!saved.equals(fingerprint)) {
                throw new CheckpointException("the run saved in " + folder + " was made with other settings ("
                        + Differences.between(saved, fingerprint)
                        + "): use its settings to continue it, or another folder");
            }
            arrays.forEach((name, array) -> store.fill(array, 0, tensors, tensors.info(name)));
            TrainingLog log = TrainingLog.parse(tensors.metadata().getOrDefault("log", "[]"));
            return Optional.of(new Loaded(meta.get("step").getAsLong(), log));
        }
    }

    record Loaded(long step, TrainingLog log) {}
}
