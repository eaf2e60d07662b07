package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.report.Identity;
import org.skipgpt.weights.WeightStore;

/**
 * A run's state on disk: parameters, moments, step and log, in one safetensors file that is moved into place whole.
 *
 * <p>One file, so that a kill at any moment leaves either the old state or the new one, never a mixture.
 */
final class RunState {
    private static final String FILE = "run.safetensors";
    // CRC-32C of the metadata and of all other tensors' bytes, in file order
    private static final String SUM = "sum";
    private static final int FORMAT = 3;
    // Before it a run was known by a text of all its settings.
    private static final int STRUCTURED = 3;
    private static final int LONGEST = 60;
    private static final int PIECE = 1 << 24;

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
            Identity identity,
            TrainingLog log) {
        List<TensorInfo> infos = new ArrayList<>();
        arrays.forEach((name, array) ->
                infos.add(new TensorInfo(name, "F32", array.getShape().getShape())));
        infos.add(new TensorInfo(SUM, "I64", new long[] {1}));
        JsonObject meta = new JsonObject();
        meta.addProperty("format", FORMAT);
        meta.addProperty("step", step);
        meta.add("identity", Json.object(identity.json(), "The run's identity"));
        Map<String, String> metadata = Map.of("format", "pt", "run", meta.toString(), "log", log.json());
        CRC32C sum = begun(metadata);
        AtomicFile.makeFolder(folder, folder);
        try (SafeTensorsWriter writer = SafeTensorsWriter.create(folder.resolve(FILE), infos, metadata)) {
            arrays.forEach((name, array) -> store.read(array, (piece, at) -> {
                ByteBuffer bytes = ByteBuffer.allocate(4 * piece.length).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(piece);
                sum.update(bytes.duplicate());
                writer.write(name, bytes);
            }));
            // last, so that one pass over the arrays is enough
            ByteBuffer last = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            writer.write(SUM, last.putLong(0, sum.getValue()));
            writer.finish();
        }
        AtomicFile.write(folder.resolve("log.csv"), log.csv());
    }

    /** Reads a state back into the arrays; empty where none was saved. */
    static Optional<Loaded> load(Path folder, Map<String, NDArray> arrays, WeightStore store, Identity identity) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (SafeTensors tensors = SafeTensors.open(file)) {
            String run = tensors.metadata().getOrDefault("run", "{}");
            JsonFields meta = JsonFields.of(Json.object(run, "The run in " + file), "The run in " + file);
            int format = meta.integer("format", 1, 1, FORMAT);
            long step = meta.count("step", 0, Long.MAX_VALUE >> 1);
            if (format > 1) {
                checkSum(tensors, file);
            }
            if (format < STRUCTURED) {
                checkFormer(meta.text("fingerprint"), identity, file);
            } else {
                checkSame(meta, identity, file);
            }
            meta.refuseOthers();
            TrainingLog log = TrainingLog.parse(tensors.metadata().getOrDefault("log", "[]"), file);
            log.checkSteps(step, file);
            refuseOthers(tensors, arrays.keySet(), file);
            arrays.forEach((name, array) -> store.fill(array, 0, tensors, shaped(tensors, name, array, file)));
            return Optional.of(new Loaded(step, log));
        }
    }

    private static void checkSame(JsonFields meta, Identity now, Path file) {
        Identity saved;
        try {
            saved = Identity.parse(meta.object("identity").json().toString());
        } catch (IllegalArgumentException e) {
            throw meta.fault("identity", "what identifies a run, with its kind");
        }
        if (!saved.equals(now)) {
            throw new CheckpointException("the run saved in " + file + " was made with other settings ("
                    + String.join("; ", saved.differences(now))
                    + "): use its settings to continue it, or another folder");
        }
    }

    // Of two texts nothing is known but where they part.
    private static void checkFormer(String saved, Identity identity, Path file) {
        String now = identity.former()
                .orElseThrow(
                        () -> new CheckpointException("the run saved in " + file + " is of an earlier version, which"
                                + " knew it by a text, and this run has none to compare with it: go on with that version, or"
                                + " use another folder"));
        int apart = Arrays.mismatch(saved.toCharArray(), now.toCharArray());
        if (apart >= 0) {
            int from = saved.lastIndexOf(' ', apart - 1) + 1;
            throw new CheckpointException("the run saved in " + file + " by an earlier version was made with other"
                    + " settings (saved " + cut(saved.substring(from)) + ", now " + cut(now.substring(from))
                    + "): use its settings to continue it, or another folder");
        }
    }

    private static String cut(String text) {
        return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    }

    private static TensorInfo shaped(SafeTensors tensors, String name, NDArray array, Path file) {
        TensorInfo info = tensors.info(name);
        if (!Arrays.equals(info.shape(), array.getShape().getShape())) {
            throw new CheckpointException("tensor " + name + " in " + file + " has shape "
                    + Arrays.toString(info.shape()) + ", this run's has " + array.getShape()
                    + ": it is another run's state; use another folder");
        }
        return info;
    }

    private static void refuseOthers(SafeTensors tensors, Set<String> names, Path file) {
        for (String name : tensors.names()) {
            if (!name.equals(SUM) && !names.contains(name)) {
                throw new CheckpointException("file " + file + " has the tensor " + name
                        + ", which this run has not: it is another run's state; use another folder");
            }
        }
    }

    private static CRC32C begun(Map<String, String> metadata) {
        CRC32C sum = new CRC32C();
        for (String name : List.of("run", "log")) {
            sum.update(metadata.getOrDefault(name, "").getBytes(StandardCharsets.UTF_8));
        }
        return sum;
    }

    /** The sum of all that a state holds but the sum itself. */
    static long sum(SafeTensors tensors) {
        CRC32C sum = begun(tensors.metadata());
        for (String name : tensors.names()) {
            long bytes = tensors.info(name).byteSize();
            for (long at = 0; at < bytes && !name.equals(SUM); at += PIECE) {
                sum.update(tensors.bytes(name, at, (int) Math.min(PIECE, bytes - at)));
            }
        }
        return sum.getValue();
    }

    private static void checkSum(SafeTensors tensors, Path file) {
        TensorInfo info = tensors.info(SUM);
        boolean holds = info.format().equals("I64")
                && info.elements() == 1
                && tensors.bytes(SUM, 0, 8).getLong() == sum(tensors);
        if (!holds) {
            throw new CheckpointException(
                    "file " + file + " is not what was saved: its sum is another; remove it to begin"
                            + " again, or take the folder's copy");
        }
    }

    record Loaded(long step, TrainingLog log) {}
}
