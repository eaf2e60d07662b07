package org.skipgpt.io;

import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a {@code .safetensors} file piece by piece, never holding a whole tensor.
 *
 * <p>All tensors are declared first; their bytes may then come in any order of tensors, each tensor from its first
 * byte to its last. The file lies under a temporary name until {@link #finish} moves it into place, so a file of the
 * final name is always complete. Wider formats come first in the file and its data begins at a multiple of 8 bytes, so
 * every element is aligned.
 *
 * <pre>{@code
 * try (var out = SafeTensorsWriter.create(path, List.of(new TensorInfo("w", "F32", new long[] {2})))) {
 *     out.write("w", bytes);
 *     out.finish();
 * }
 * }</pre>
 */
public final class SafeTensorsWriter implements AutoCloseable {
    private final AtomicFile file;
    private final FileChannel channel;
    private final Map<String, Slot> slots;

    private static final class Slot {
        final TensorInfo info;
        final long begin;
        long written;

        Slot(TensorInfo info, long begin) {
            this.info = info;
            this.begin = begin;
        }
    }

    private SafeTensorsWriter(AtomicFile file, FileChannel channel, Map<String, Slot> slots) {
        this.file = file;
        this.channel = channel;
        this.slots = slots;
    }

    /** Begins a file with the metadata {@code format = pt}, which other readers ask for. */
    public static SafeTensorsWriter create(Path path, List<TensorInfo> tensors) {
        return create(path, tensors, Map.of("format", "pt"));
    }

    /**
     * Begins a file.
     *
     * @param path where the finished file will lie; its folder must exist; a file there is replaced at the end
     * @param tensors every tensor of the file, names different
     * @param metadata free text entries
     * @throws CheckpointException if a name comes twice or the file cannot be made
     */
    public static SafeTensorsWriter create(Path path, List<TensorInfo> tensors, Map<String, String> metadata) {
        List<TensorInfo> sorted = new ArrayList<>(tensors);
        sorted.sort(Comparator.comparingInt(TensorInfo::elementBytes).reversed());
        byte[] header = header(path, sorted, metadata);
        Map<String, Slot> slots = new LinkedHashMap<>();
        long begin = 8L + header.length;
        for (TensorInfo info : sorted) {
            slots.put(info.name(), new Slot(info, begin));
            begin += info.byteSize();
        }
        AtomicFile file = AtomicFile.begin(path);
        try {
            FileChannel channel = file.channel();
            ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
            writeFully(channel, start.putLong(header.length).put(header).flip(), 0);
            return new SafeTensorsWriter(file, channel, slots);
        } catch (IOException e) {
            file.close();
            throw AtomicFile.failure(path, e);
        }
    }

    /**
     * Appends the next bytes of one tensor.
     *
     * @param name a declared tensor
     * @param bytes little-endian elements from the tensor's first unwritten byte on; all remaining bytes are taken
     * @throws CheckpointException if the tensor was not declared or would become too long
     */
    public void write(String name, ByteBuffer bytes) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw NearNames.missing(name, slots.keySet(), file.target());
        }
        int length = bytes.remaining();
        if (length > slot.info.byteSize() - slot.written) {
            throw new CheckpointException("Tensor " + slot.info + " takes " + slot.info.byteSize() + " bytes; "
                    + slot.written + " are written and " + length + " more do not fit. Declare its true shape.");
        }
        try {
            writeFully(channel, bytes, slot.begin + slot.written);
            slot.written += length;
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
    }

    /**
     * Puts the file into place.
     *
     * @throws CheckpointException if bytes of a tensor are missing; nothing is put into place then
     */
    public void finish() {
        for (Slot slot : slots.values()) {
            if (slot.written != slot.info.byteSize()) {
                throw new CheckpointException("Tensor " + slot.info + " has " + slot.written + " of "
                        + slot.info.byteSize() + " bytes; write the rest before finishing " + file.target() + ".");
            }
        }
        file.commit();
    }

    /** Throws away what was written unless {@link #finish} was called. */
    @Override
    public void close() {
        file.close();
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
        long position = at;
        while (bytes.hasRemaining()) {
            position += channel.write(bytes, position);
        }
    }

    private static byte[] header(Path path, List<TensorInfo> tensors, Map<String, String> metadata) {
        StringWriter text = new StringWriter();
        try (JsonWriter json = new JsonWriter(text)) {
            json.beginObject();
            if (!metadata.isEmpty()) {
                json.name("__metadata__").beginObject();
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.name(entry.getKey()).value(entry.getValue());
                }
                json.endObject();
            }
            long begin = 0;
            Map<String, TensorInfo> seen = new LinkedHashMap<>();
            for (TensorInfo info : tensors) {
                if (info.name().equals("__metadata__") || seen.put(info.name(), info) != null) {
                    throw new CheckpointException("Tensor name '" + info.name() + "' is taken in " + path
                            + "; every tensor needs its own name.");
                }
                begin = entry(json, info, begin);
            }
            json.endObject();
        } catch (IOException e) {
            throw AtomicFile.failure(path, e);
        }
        return padded(path, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static long entry(JsonWriter json, TensorInfo info, long begin) throws IOException {
        json.name(info.name()).beginObject();
        json.name("dtype").value(info.format());
        json.name("shape").beginArray();
        for (long size : info.shape()) {
            json.value(size);
        }
        json.endArray();
        long end = begin + info.byteSize();
        json.name("data_offsets").beginArray().value(begin).value(end).endArray();
        json.endObject();
        return end;
    }

    /** Spaces behind the JSON make the data begin at a multiple of 8. */
    private static byte[] padded(Path path, byte[] json) {
        int length = (json.length + 7) / 8 * 8;
        if (length > SafeTensors.MAX_HEADER_BYTES) {
            throw new CheckpointException("The header of " + path + " would take " + length + " bytes; allowed are "
                    + SafeTensors.MAX_HEADER_BYTES + ". Write fewer tensors or shorter metadata.");
        }
        byte[] header = Arrays.copyOf(json, length);
        Arrays.fill(header, json.length, length, (byte) ' ');
        return header;
    }
}
