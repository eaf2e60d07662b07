package org.skipgpt.io;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * A GGUF model file (llama.cpp) under Hugging Face names: F32, F16, BF16 as stored, and Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to
 * Q6_K turned into floats while they are read, in whole rows.
 *
 * <p>What its writer changed is changed back, so that the tensors are those of the Hugging Face folder it was made from: the
 * rows of LLaMA's and SmolLM3's query and key projections, which it interleaves, and Gemma's norm weights, to which it adds one.
 *
 * <pre>{@code
 * try (var file = GgufFile.open(Path.of("SmolLM2-135M-Instruct.Q4_1.gguf"))) {
 *     float[] norm = file.floats("model.norm.weight");   // (D)
 * }
 * }</pre>
 */
public final class GgufFile implements TensorSource {
    private static final int MOST_FACTORS = 1 << 16;

    private final MappedFile file;
    private final GgufHeader header;
    private final JsonObject config;
    private final GgufNames names;

    private GgufFile(MappedFile file, GgufHeader header) {
        this.file = file;
        this.header = header;
        GgufConfig read = new GgufConfig(file.path(), header.values());
        float[] factors = header.tensors().containsKey(GgufNames.ROPE_FACTORS) ? ropeFactors() : new float[0];
        this.config = read.json(header.tensors().containsKey(GgufNames.HEAD), factors);
        this.names = GgufNames.of(file.path(), read, header.tensors().keySet());
        names.stored().keySet().forEach(this::checkRows);
    }

    private GgufFile(MappedFile file, GgufFile same) {
        this.file = file;
        this.header = same.header;
        this.config = same.config;
        this.names = same.names;
    }

    // Rows are put back into order in pairs, head by head.
    private void checkRows(String name) {
        int heads = names.headsOfRows(name);
        long[] shape = place(name).shape();
        if (heads > 0 && (shape.length != 2 || shape[0] % (2L * heads) != 0)) {
            throw new CheckpointException("File " + file.path() + " gives the tensor " + name + " the shape "
                    + Arrays.toString(shape) + "; expected rows for " + heads
                    + " heads of an even width. Fetch or convert the file again.");
        }
    }

    /**
     * Opens a file; reads its header.
     *
     * @throws CheckpointException if it is damaged, split over several files, of an architecture or element type that is not
     *     read, or has a value that would change the arithmetic and is not supported; the message names it
     */
    public static GgufFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new GgufFile(file, GgufHeader.read(file));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /**
     * The one GGUF file of a folder that holds no Hugging Face model; empty where there is none.
     *
     * @throws CheckpointException if there are several
     */
    public static Optional<Path> onlyIn(Path folder) {
        if (Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found = files.filter(
                            f -> f.toString().toLowerCase(Locale.ROOT).endsWith(".gguf"))
                    .sorted()
                    .toList();
            if (found.size() > 1) {
                throw new CheckpointException(
                        "Folder " + folder + " holds several GGUF files: " + found + ". Name the one to load.");
            }
            return found.stream().findFirst();
        } catch (IOException e) {
            throw MappedFile.failure(folder, e);
        }
    }

    private float[] ropeFactors() {
        GgufHeader.Place place = stored(GgufNames.ROPE_FACTORS);
        if (place.shape().length != 1 || place.shape()[0] > MOST_FACTORS) {
            throw new CheckpointException("File " + file.path() + " gives " + GgufNames.ROPE_FACTORS + " the shape "
                    + Arrays.toString(place.shape()) + "; one row of up to " + MOST_FACTORS
                    + " is read. Fetch or convert the file again.");
        }
        float[] out = new float[(int) place.shape()[0]];
        place.type().dequantise(file.slice(place.at(), (int) place.bytes()), out, out.length);
        return out;
    }

    /** The model's configuration in the terms of a Hugging Face {@code config.json}; a copy. */
    public JsonObject config() {
        return config.deepCopy();
    }

    /**
     * The configuration that {@link #config} gives for a file with these values.
     *
     * @param file what to call it in messages
     * @param ownHead whether there is a head besides the embedding
     * @param ropeFactors what the rotary frequencies are divided by; empty for nothing
     * @throws CheckpointException as {@link #open} does
     */
    public static JsonObject config(Path file, Map<String, Object> values, boolean ownHead, float[] ropeFactors) {
        return new GgufConfig(file, values).json(ownHead, ropeFactors);
    }

    /** The file's named values: Long, Double, Boolean, String or List of these. */
    public Map<String, Object> values() {
        return header.values();
    }

    /** How many tensors are stored in each element type, e.g. {@code {Q4_1=210, Q8_0=1, F32=61}}. */
    public Map<String, Integer> types() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        header.tensors().values().forEach(p -> counts.merge(p.type().name(), 1, Integer::sum));
        return counts;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(names.stored().keySet());
    }

    @Override
    public TensorInfo info(String name) {
        GgufHeader.Place place = place(name);
        return new TensorInfo(name, isPlain(name, place) ? place.type().name() : "F32", place.shape());
    }

    @Override
    public long storedBytes(String name) {
        return place(name).bytes();
    }

    // Read as it lies in the file: no blocks, no rows to reorder, nothing to subtract.
    private boolean isPlain(String name, GgufHeader.Place place) {
        return place.type().blockElements() == 1 && names.headsOfRows(name) == 0 && !names.hasOneAdded(name);
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        GgufHeader.Place place = place(name);
        PieceCheck.check(info(name), from, length);
        return isPlain(name, place) ? file.slice(place.at() + from, length) : rows(name, place, from, length);
    }

    private ByteBuffer rows(String name, GgufHeader.Place place, long from, int length) {
        int columns = (int) place.shape()[place.shape().length - 1];
        long rowBytes = 4L * columns;
        long firstRow = from / rowBytes;
        long lastRow = (from + length - 1) / rowBytes;
        long held = (lastRow - firstRow + 1) * rowBytes;
        if (held > Integer.MAX_VALUE - 8) {
            throw new CheckpointException("A piece of " + length + " bytes of the tensor " + name + " in " + file.path()
                    + " is too large; ask for at most 2^30 bytes at once.");
        }
        ByteBuffer out = ByteBuffer.allocate((int) held).order(ByteOrder.LITTLE_ENDIAN);
        int stored = columns / place.type().blockElements() * place.type().blockBytes();
        float[] row = new float[columns];
        for (long r = firstRow; r <= lastRow; r++) {
            long at = place.at() + names.storedRow(name, r, place.shape()[0]) * stored;
            place.type().dequantise(file.slice(at, stored), row, columns);
            if (names.hasOneAdded(name)) {
                for (int i = 0; i < columns; i++) {
                    row[i] -= 1;
                }
            }
            out.asFloatBuffer().put(row);
            out.position(out.position() + 4 * columns);
        }
        return out.slice((int) (from - firstRow * rowBytes), length)
                .asReadOnlyBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public Optional<BlockFormat> blocks(String name) {
        GgufHeader.Place place = place(name);
        return names.hasOneAdded(name) || place.shape().length != 2
                ? Optional.empty()
                : Arrays.stream(BlockFormat.values())
                        .filter(format -> format.is(place.type()))
                        .findFirst();
    }

    @Override
    public ByteBuffer blockRow(String name, long row) {
        GgufHeader.Place place = place(name);
        if (blocks(name).isEmpty()) {
            return TensorSource.super.blockRow(name, row);
        }
        int stored = blocks(name).orElseThrow().rowBytes(place.shape()[1]);
        return file.slice(place.at() + names.storedRow(name, row, place.shape()[0]) * stored, stored);
    }

    private GgufHeader.Place place(String name) {
        String stored = names.stored().get(name);
        if (stored == null) {
            throw NearNames.missing(name, names(), file.path());
        }
        return stored(stored);
    }

    private GgufHeader.Place stored(String name) {
        GgufHeader.Place place = header.tensors().get(name);
        if (place == null) {
            throw NearNames.missing(name, header.tensors().keySet(), file.path());
        }
        return place;
    }

    @Override
    public TensorSource reading(LongConsumer counted) {
        return new GgufFile(file.reading(counted), this);
    }

    @Override
    public void checkUnchanged() {
        file.checkUnchanged();
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return file.path() + " (" + header.tensors().size() + " tensors, " + types() + ")";
    }
}
