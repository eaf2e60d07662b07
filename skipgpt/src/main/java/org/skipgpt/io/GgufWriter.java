package org.skipgpt.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a GGUF file (version 3) that llama.cpp and {@link GgufFile} read, tensor by tensor, under Hugging Face names.
 *
 * <p>Numbers are given as a Hugging Face folder holds them and changed as llama.cpp wants them: the rows of LLaMA's query
 * and key projections are interleaved within a head, and one is added to Gemma's norm weights. The file lies under a
 * temporary name until {@link #finish} moves it into place; a file that is there is never written over.
 *
 * <pre>{@code
 * try (var out = GgufWriter.create(Path.of("model.gguf"), values, GgufStorage.Q8_0, infos, new float[0])) {
 *     out.write("model.norm.weight", norm);   // (D); ... every declared tensor
 *     out.finish();
 * }
 * }</pre>
 */
public final class GgufWriter implements AutoCloseable {
    private static final int ALIGNMENT = 32;
    private static final int PIECE = 1 << 20;

    private final AtomicFile file;
    private final GgufNames names;
    private final Map<String, Slot> slots = new LinkedHashMap<>();
    private final ByteBuffer buffer = ByteBuffer.allocate(PIECE).order(ByteOrder.LITTLE_ENDIAN);
    private long end;
    private long pending; // where the buffer's first byte goes

    /** Where a tensor lies, and how many of its rows are there. */
    private static final class Slot {
        private final GgufStorage storage;
        private final long rows;
        private final int columns;
        private final long at;
        private long done;

        Slot(GgufStorage storage, long rows, int columns, long at) {
            this.storage = storage;
            this.rows = rows;
            this.columns = columns;
            this.at = at;
        }

        long rowBytes() {
            return (long) columns / storage.blockElements() * storage.blockBytes();
        }
    }

    private GgufWriter(AtomicFile file, GgufNames names) {
        this.file = file;
        this.names = names;
    }

    /**
     * Begins a file; makes its folder where that is missing.
     *
     * @param values named values in the file's order: whole numbers as Long, others as Double, Boolean, String, or a List of
     *     one of these; the architecture's are those that {@link GgufFile} understands
     * @param storage element type of tensors with two sizes; the others are F32
     * @param tensors every tensor under its Hugging Face name, with one or two sizes, in the file's order
     * @param ropeFactors what the rotary frequencies are divided by, (E/2); empty for nothing
     * @throws CheckpointException if the file is there, or a tensor's rows are no whole number of the type's blocks, or its
     *     name or a value is not known
     */
    public static GgufWriter create(
            Path target,
            Map<String, Object> values,
            GgufStorage storage,
            List<TensorInfo> tensors,
            float[] ropeFactors) {
        Path whole = target.toAbsolutePath().normalize();
        if (Files.exists(whole)) {
            throw new CheckpointException(
                    "File " + target + " is there and is not written over; name a new file, or remove it first.");
        }
        GgufConfig config = new GgufConfig(target, values);
        Set<String> stored = new LinkedHashSet<>();
        tensors.forEach(info -> stored.add(GgufNames.stored(info.name(), config.normsOutputs())));
        GgufNames names = GgufNames.of(target, config, stored);
        GgufHeaderBytes header = new GgufHeaderBytes();
        values.forEach(header::value);
        header.value("general.file_type", (long) storage.fileType());
        if (storage == GgufStorage.Q8_0) {
            header.value("general.quantization_version", 2L);
        }
        Path folder = whole.getParent();
        if (folder != null) {
            AtomicFile.makeFolder(folder, folder);
        }
        GgufWriter out = new GgufWriter(AtomicFile.begin(whole), names);
        try {
            out.begin(header, storage, tensors, ropeFactors);
            return out;
        } catch (RuntimeException e) {
            out.close();
            throw e;
        }
    }

    private void begin(GgufHeaderBytes header, GgufStorage storage, List<TensorInfo> tensors, float[] ropeFactors) {
        if (ropeFactors.length > 0) {
            declare(header, GgufNames.ROPE_FACTORS, GgufNames.ROPE_FACTORS, GgufStorage.F32, ropeFactors.length);
        }
        for (TensorInfo info : tensors) {
            String stored = names.stored().get(info.name());
            if (stored == null || slots.containsKey(info.name())) {
                throw new CheckpointException("Tensor '" + info.name() + "' is declared twice for " + file.target()
                        + "; every tensor needs its own name.");
            }
            GgufStorage own = info.shape().length == 2 ? storage : GgufStorage.F32;
            declare(header, info.name(), stored, own, info.shape());
        }
        byte[] head = header.bytes(ALIGNMENT);
        slots.replaceAll((name, slot) -> new Slot(slot.storage, slot.rows, slot.columns, slot.at + head.length));
        end += head.length;
        put(ByteBuffer.wrap(head), 0);
        if (ropeFactors.length > 0) {
            write(GgufNames.ROPE_FACTORS, ropeFactors);
        }
    }

    private void declare(GgufHeaderBytes header, String name, String stored, GgufStorage storage, long... shape) {
        long columns = shape.length == 0 ? 0 : shape[shape.length - 1];
        boolean fits = (shape.length == 1 || shape.length == 2) && columns > 0 && columns <= Integer.MAX_VALUE;
        if (!fits || columns % storage.blockElements() != 0) {
            throw new CheckpointException("Tensor " + name + " has the shape " + Arrays.toString(shape) + "; " + storage
                    + " needs rows of a multiple of " + storage.blockElements() + " elements"
                    + (storage.blockElements() > 1 ? ": write F16 or BF16." : "."));
        }
        header.tensor(stored, storage.id(), end, shape);
        Slot slot = new Slot(storage, shape.length == 2 ? shape[0] : 1, (int) columns, end);
        slots.put(name, slot);
        long bytes = slot.rows * slot.rowBytes();
        end += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Appends the next rows of a tensor.
     *
     * @param name its Hugging Face name
     * @param values whole rows, one after the other
     * @throws CheckpointException if they are more than were declared, or hold a number that cannot be stored
     */
    public void write(String name, float[] values) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw NearNames.missing(name, slots.keySet(), file.target());
        }
        int rows = values.length / slot.columns;
        if (values.length % slot.columns != 0 || rows > slot.rows - slot.done) {
            throw new CheckpointException("Tensor " + name + " was given " + values.length + " more elements after "
                    + slot.done + " of " + slot.rows + " rows of " + slot.columns + "; pass whole rows, each once.");
        }
        float[] given = values;
        if (names.hasOneAdded(name)) {
            given = values.clone();
            for (int i = 0; i < given.length; i++) {
                given[i] += 1;
            }
        }
        for (int row = 0; row < rows; row++) {
            long at = slot.at + names.storedRow(name, slot.done + row, slot.rows) * slot.rowBytes();
            writeRow(name, slot, given, row, at);
        }
        slot.done += rows;
    }

    // Rows that follow each other in the file leave the buffer together.
    private void writeRow(String name, Slot slot, float[] values, int row, long at) {
        int block = slot.storage.blockElements();
        int most = PIECE / slot.storage.blockBytes() * block;
        for (int done = 0; done < slot.columns; done += most) {
            int count = Math.min(most, slot.columns - done);
            long place = at + (long) done / block * slot.storage.blockBytes();
            int bytes = count / block * slot.storage.blockBytes();
            if (place != pending + buffer.position() || buffer.remaining() < bytes) {
                flush();
                pending = place;
            }
            slot.storage.encode(name, values, row * slot.columns + done, count, buffer);
        }
    }

    private void flush() {
        if (buffer.position() > 0) {
            put(buffer.flip(), pending);
        }
        buffer.clear();
    }

    private void put(ByteBuffer bytes, long at) {
        try {
            for (long place = at; bytes.hasRemaining(); ) {
                place += file.channel().write(bytes, place);
            }
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
    }

    /**
     * Puts the file into place.
     *
     * @throws CheckpointException if rows of a tensor are missing
     */
    public void finish() {
        slots.forEach((name, slot) -> {
            if (slot.done != slot.rows) {
                throw new CheckpointException("Tensor " + name + " has " + slot.done + " of " + slot.rows + " rows in "
                        + file.target() + "; write all of them before it is finished.");
            }
        });
        flush();
        try {
            long size = file.channel().size();
            put(ByteBuffer.allocate((int) (end - size)), size); // the last tensor is filled up as the others are
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
        file.commitNew();
    }

    /** Throws away what was written unless {@link #finish} was called. */
    @Override
    public void close() {
        file.close();
    }
}
