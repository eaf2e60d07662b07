package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.torch.Gradients;
import org.skipgpt.weights.WeightStore;

/**
 * What one micro-batch gave, or one evaluation, as a file that other processes read.
 *
 * @param scalars for the log, by name
 * @param from sum of the parameters it was computed with
 * @param gradients by parameter, flat, in the order of the objective's; none of an evaluation
 */
record StepPart(Map<String, Double> scalars, long from, Map<String, float[]> gradients) {
    private static final String SCALARS = "scalars";
    private static final String GRADIENT = "gradient.";
    private static final String FROM = "from";
    private static final String SUM = "sum";

    /** A micro-batch's, of the gradients that lie in the parameters; they are cleared. */
    static StepPart taken(Map<String, Double> scalars, long from, Map<String, NDArray> parameters, WeightStore store) {
        Map<String, float[]> gradients = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> {
            float[] all = new float[Math.toIntExact(parameter.getShape().size())];
            try (NDArray gradient = Gradients.of(parameter)) {
                store.read(gradient, (piece, at) -> System.arraycopy(piece, 0, all, (int) at, piece.length));
            }
            Gradients.clear(parameter);
            gradients.put(name, all);
        });
        return new StepPart(scalars, from, gradients);
    }

    /** A sum that other parameters do not have, as good as surely. */
    static long sum(Map<String, NDArray> parameters, WeightStore store) {
        CRC32C sum = new CRC32C();
        parameters.values().forEach(p -> store.read(p, (piece, at) -> sum.update(bytes(piece))));
        return sum.getValue();
    }

    /** Adds this part's gradients to those of the parts before it, element by element. */
    void addTo(Map<String, float[]> sums) {
        gradients.forEach((name, more) -> {
            float[] sum = sums.computeIfAbsent(name, key -> new float[more.length]);
            for (int i = 0; i < more.length; i++) {
                sum[i] += more[i];
            }
        });
    }

    /** Writes the file, which appears whole. */
    void write(Path file) {
        Map<String, ByteBuffer> tensors = new LinkedHashMap<>();
        List<TensorInfo> infos = new ArrayList<>();
        ByteBuffer numbers = ByteBuffer.allocate(8 * scalars.size()).order(ByteOrder.LITTLE_ENDIAN);
        scalars.values().forEach(numbers::putDouble);
        tensors.put(SCALARS, numbers.flip());
        infos.add(new TensorInfo(SCALARS, "F64", new long[] {scalars.size()}));
        gradients.forEach((name, values) -> {
            tensors.put(GRADIENT + name, bytes(values));
            infos.add(new TensorInfo(GRADIENT + name, "F32", new long[] {values.length}));
        });
        CRC32C sum = new CRC32C();
        tensors.values().forEach(bytes -> sum.update(bytes.duplicate()));
        Map<String, String> metadata = Map.of(
                "format",
                "pt",
                SCALARS,
                String.join("\n", scalars.keySet()),
                FROM,
                Long.toHexString(from),
                SUM,
                Long.toHexString(sum.getValue()));
        try (SafeTensorsWriter writer = SafeTensorsWriter.create(file, infos, metadata)) {
            tensors.forEach(writer::write);
            writer.finish();
        }
    }

    /**
     * Reads a file; empty where there is none, also where it was removed just now.
     *
     * @throws CheckpointException if it is not what was written
     */
    static Optional<StepPart> read(Path file) {
        // Read and not mapped: what is mapped and removed by another machine would end the process.
        try (SafeTensors opened = SafeTensors.open(file);
                TensorSource tensors = opened.reading(bytes -> {})) {
            Map<String, String> metadata = opened.metadata();
            CRC32C sum = new CRC32C();
            Map<String, Double> scalars = new LinkedHashMap<>();
            Map<String, float[]> gradients = new LinkedHashMap<>();
            if (tensors.info(SCALARS).elements() > 0) {
                ByteBuffer numbers = whole(tensors, SCALARS, sum);
                for (String name : metadata.getOrDefault(SCALARS, "").split("\n")) {
                    scalars.put(name, numbers.getDouble());
                }
            }
            for (String name : tensors.names()) {
                if (name.startsWith(GRADIENT)) {
                    float[] values =
                            new float[Math.toIntExact(tensors.info(name).elements())];
                    whole(tensors, name, sum).asFloatBuffer().get(values);
                    gradients.put(name.substring(GRADIENT.length()), values);
                }
            }
            if (!Long.toHexString(sum.getValue()).equals(metadata.get(SUM))) {
                throw new CheckpointException("file " + file
                        + " is not what was written: its sum is another; remove it, and it is computed again");
            }
            long from = Long.parseUnsignedLong(metadata.getOrDefault(FROM, "0"), 16);
            return Optional.of(new StepPart(scalars, from, gradients));
        } catch (CheckpointException e) {
            if (!Files.exists(file)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static ByteBuffer whole(TensorSource tensors, String name, CRC32C sum) {
        int size = Math.toIntExact(tensors.info(name).byteSize());
        ByteBuffer bytes = tensors.bytes(name, 0, size);
        sum.update(bytes.duplicate());
        return bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }
}
