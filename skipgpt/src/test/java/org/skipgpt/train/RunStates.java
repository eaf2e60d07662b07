package org.skipgpt.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.report.Identity;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightStore;

/** Saves states of a tuning run and reads them, for studies of other packages. */
public final class RunStates implements AutoCloseable {
    private static final Identity SETTINGS = Identity.of("settings").with("rank", 4);

    private final NDManager manager = Torch.manager(Device.cpu());
    private final WeightStore store = new WeightStore(manager, Dtype.FP32);
    private final NDArray a = manager.zeros(new Shape(3, 64));
    private final NDArray b = manager.zeros(new Shape(7));

    /** Saves the state after some steps, each of its numbers being the step's. */
    public void save(Path folder, int steps) {
        a.set(new float[3 * 64]);
        a.addi(steps);
        b.set(new float[7]);
        b.addi(steps);
        TrainingLog log = new TrainingLog();
        for (int step = 0; step < steps; step++) {
            log.add(Map.of("step", (double) step, "loss", 1.5));
        }
        RunState.save(folder, Map.of("a", a, "b", b), store, steps, SETTINGS, log);
    }

    /** All that a folder's state says, in words; empty where there is none. */
    public Optional<String> read(Path folder) {
        return RunState.load(folder, Map.of("a", a, "b", b), store, SETTINGS)
                .map(loaded -> loaded.step() + " " + loaded.log().rows() + Arrays.toString(a.toFloatArray())
                        + Arrays.toString(b.toFloatArray()));
    }

    /** Puts the sum right where a file can be read at all, so that damage gets past it. */
    public static void sumUp(Path file) throws IOException {
        try (SafeTensors tensors = SafeTensors.open(file)) {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            // the widest tensors come first, and the sum is the only one of 64 bits
            bytes.putLong(8 + (int) bytes.getLong(0), RunState.sum(tensors));
            Files.write(file, bytes.array());
        } catch (CheckpointException | IndexOutOfBoundsException e) {
            return; // it is refused before its sum is looked at
        }
    }

    /** Makes of a state what the version before made of it, which knew a run by a text of its settings. */
    static void knowByText(Path file, String text) throws IOException {
        Path former = file.resolveSibling("former");
        try (SafeTensors tensors = SafeTensors.open(file)) {
            JsonObject run = Json.object(tensors.metadata().getOrDefault("run", "{}"), "the run");
            run.remove("identity");
            run.addProperty("format", 2);
            run.addProperty("fingerprint", text);
            Map<String, String> metadata = new HashMap<>(tensors.metadata());
            metadata.put("run", run.toString());
            List<TensorInfo> infos = tensors.names().stream().map(tensors::info).toList();
            try (SafeTensorsWriter writer = SafeTensorsWriter.create(former, infos, metadata)) {
                infos.forEach(info -> writer.write(info.name(), tensors.bytes(info.name(), 0, (int) info.byteSize())));
                writer.finish();
            }
        }
        Files.move(former, file, StandardCopyOption.REPLACE_EXISTING);
        sumUp(file);
    }

    @Override
    public void close() {
        manager.close();
    }
}
