package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * One memory-mapped {@code .safetensors} file.
 *
 * <p>Budget: a header of 100 megabytes with a million tensors and a hundred thousand free entries.
 *
 * <p>Layout: 8 bytes header length n (little-endian), n bytes of JSON that give each tensor's format, shape and byte
 * range, then the tensors' bytes without a gap. Opening reads the header alone and checks it in full, so that a
 * damaged or hostile file is an error here and never later.
 *
 * <pre>{@code
 * try (var file = SafeTensors.open(Path.of("model.safetensors"))) {
 *     file.names().forEach(name -> use(file.info(name)));
 * }
 * }</pre>
 */
public final class SafeTensors implements TensorSource {
    /** The longest header that is read, in bytes; the format's own limit. */
    public static final int MAX_HEADER_BYTES = 100_000_000;

    private final MappedFile file;
    private final SafeTensorsHeader header;

    private SafeTensors(MappedFile file, SafeTensorsHeader header) {
        this.file = file;
        this.header = header;
    }

    /**
     * Opens a file.
     *
     * @throws CheckpointException if it is missing, truncated or not a well-formed safetensors file
     */
    public static SafeTensors open(Path path) {
        MappedFile file = MappedFile.open(path);
        return new SafeTensors(file, SafeTensorsHeader.read(file));
    }

    /** The file's free text entries, e.g. {@code format = pt}. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** Which file this is. */
    public Path path() {
        return file.path();
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return entry(name).info();
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        SafeTensorsHeader.Entry entry = entry(name);
        PieceCheck.check(entry.info(), from, length);
        return file.slice(header.dataStart() + entry.begin() + from, length);
    }

    @Override
    public TensorSource reading(LongConsumer counted) {
        return new SafeTensors(file.reading(counted), header);
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
        return file.path() + " (" + header.entries().size() + " tensors)";
    }

    private SafeTensorsHeader.Entry entry(String name) {
        SafeTensorsHeader.Entry entry = header.entries().get(name);
        if (entry == null) {
            throw NearNames.missing(name, names(), file.path());
        }
        return entry;
    }
}
