package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a file that {@code torch.save} wrote ({@code .pth}, {@code .pt}, {@code .bin}; the zip form, default
 * since torch 1.6).
 *
 * <p>The pickle inside is read by a machine that knows tensors, plain values and dicts only: a file that asks for any
 * other Python name is refused with that name and nothing is executed. Nested dicts give names joined by dots; values
 * that are no tensors are left out. Storages are mapped; a strided view, such as a transposed matrix, is put into
 * row-major order while it is read.
 *
 * <p>Budget: a pickle of 64 megabytes, 4 million values in it, a million of them visited 32 containers deep, and names of
 * 1,000 characters and 32 million in all; a tensor that repeats its storage has up to 16,777,216 elements.
 *
 * <pre>{@code
 * try (var routers = TorchFile.open(Path.of("router.pth"))) {
 *     float[] w = routers.floats("model.layers.0.router_mlp.weight_predictor.weight");   // (2, 4096)
 * }
 * }</pre>
 */
public final class TorchFile implements TensorSource {
    private static final int ZIP = 0x04034b50;
    private static final int MAX_DEPTH = 32;
    private static final int MAX_VALUES = 1_000_000;
    private static final int LONGEST_NAME = 1_000;
    private static final int LONGEST_NAMES = 32_000_000;

    private final MappedFile file;
    private final Map<String, Place> places;

    private record Place(TensorInfo info, PickledTensor tensor, long storageAt) {}

    private TorchFile(MappedFile file, Map<String, Place> places) {
        this.file = file;
        this.places = places;
    }

    /**
     * Opens a file; reads its directory and its pickle.
     *
     * @throws CheckpointException if it is missing, malformed, of the old form, or holds anything but tensors, plain
     *     values and dicts
     */
    public static TorchFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new TorchFile(file, places(file));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static Map<String, Place> places(MappedFile file) {
        Path path = file.path();
        if (file.size() < 4 || file.slice(0, 4).getInt() != ZIP) {
            throw new CheckpointException("File " + path + " is no zip archive, which torch.save writes since 1.6."
                    + " An older file: load it in Python with weights_only=True and save it again.");
        }
        StoredZip zip = StoredZip.read(file);
        String root = root(zip);
        if (zip.entries().containsKey(root + "byteorder")) {
            String order = StandardCharsets.US_ASCII
                    .decode(zip.bytes(root + "byteorder", 16))
                    .toString();
            if (!order.equals("little")) {
                throw new CheckpointException("File " + path + " has the byte order '" + order
                        + "'; little is read. Save it again on a common machine.");
            }
        }
        Map<String, PickledTensor> tensors =
                unpickled(path, zip.bytes(root + "data.pkl", RestrictedUnpickler.MAX_BYTES));
        Map<String, Place> places = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> places.put(name, place(zip, root, name, tensor)));
        return places;
    }

    private static Map<String, PickledTensor> unpickled(Path path, ByteBuffer pickle) {
        try {
            return tensors(RestrictedUnpickler.read(pickle));
        } catch (CheckpointException e) {
            throw new CheckpointException("File " + path + " cannot be read. " + e.getMessage(), e);
        }
    }

    private static String root(StoredZip zip) {
        List<String> pickles = zip.entries().keySet().stream()
                .filter(name -> name.matches("[^/]+/data\\.pkl"))
                .toList();
        if (pickles.size() != 1) {
            throw new CheckpointException("File " + zip.file().path() + " has " + pickles.size()
                    + " entries data.pkl; a file of torch.save has one. Check that it is the right file.");
        }
        return pickles.get(0).substring(0, pickles.get(0).length() - "data.pkl".length());
    }

    /** The tensors among a pickle's values, by name. */
    static Map<String, PickledTensor> tensors(Object value) {
        Map<String, PickledTensor> tensors = new LinkedHashMap<>();
        new Walk(tensors).visit("", value, 0);
        return tensors;
    }

    private static Place place(StoredZip zip, String root, String name, PickledTensor tensor) {
        PickledTensor.Storage storage = tensor.storage();
        StoredZip.@Nullable Range range = zip.entries().get(root + "data/" + storage.key());
        TensorInfo info = new TensorInfo(name, storage.format().name(), tensor.shape());
        if (range == null
                || range.length() / storage.format().bytes() != storage.elements()
                || range.length() % storage.format().bytes() != 0) {
            throw new CheckpointException("File " + zip.file().path() + " has "
                    + (range == null ? "no" : range.length() + " bytes in") + " storage '" + storage.key()
                    + "' for tensor " + info + ", which needs " + storage.elements() + " elements."
                    + " Fetch or save it again.");
        }
        return new Place(info, tensor, range.start());
    }

    /** Collects the tensors of nested containers; counts, since a small pickle can share one value endlessly. */
    private static final class Walk {
        private final Map<String, PickledTensor> tensors;
        private int visited;
        private long letters;

        Walk(Map<String, PickledTensor> tensors) {
            this.tensors = tensors;
        }

        void visit(String name, Object value, int depth) {
            if (++visited > MAX_VALUES || depth > MAX_DEPTH) {
                throw new CheckpointException("The pickle nests more than " + MAX_DEPTH + " containers or " + MAX_VALUES
                        + " values; save the state_dict alone.");
            }
            if (value instanceof PickledTensor tensor) {
                letters += name.length();
                if (letters > LONGEST_NAMES) {
                    throw new CheckpointException("The pickle has tensors whose names have more than " + LONGEST_NAMES
                            + " characters in all; save the state_dict alone.");
                }
                if (tensors.put(name.isEmpty() ? "tensor" : name, tensor) != null) {
                    throw new CheckpointException(
                            "The pickle has two tensors that would be called '" + name + "'; save them apart.");
                }
            } else if (value instanceof Map<?, ?> map) {
                map.forEach((key, item) -> visit(join(name, key), item, depth + 1));
            } else if (value instanceof List<?> list) {
                visitAll(name, list, depth);
            } else if (value instanceof RestrictedUnpickler.Tuple tuple) {
                visitAll(name, tuple.items(), depth);
            }
        }

        private void visitAll(String name, List<?> items, int depth) {
            for (int i = 0; i < items.size(); i++) {
                visit(join(name, i), items.get(i), depth + 1);
            }
        }

        // A key of thousands of letters over containers that share each other would be joined a million times.
        private static String join(String name, Object key) {
            String last = key.toString();
            if (name.length() + 1 + last.length() > LONGEST_NAME) {
                throw new CheckpointException("The pickle has a name of " + (name.length() + 1 + last.length())
                        + " characters, '" + last.substring(0, Math.min(40, last.length())) + "...'; up to "
                        + LONGEST_NAME + " are read. Save the state_dict alone.");
            }
            return name.isEmpty() ? last : name + "." + last;
        }
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(places.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return find(name).info;
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        Place place = find(name);
        PieceCheck.check(place.info, from, length);
        if (!place.tensor.isContiguous()) {
            return gathered(place, from, length);
        }
        return file.slice(place.storageAt + place.tensor.offset() * place.info.elementBytes() + from, length);
    }

    private ByteBuffer gathered(Place place, long from, int length) {
        int width = place.info.elementBytes();
        long first = from / width;
        long count = (from + length + width - 1) / width - first;
        if (count > (Integer.MAX_VALUE - 8) / width) {
            throw new CheckpointException("A piece of " + length + " bytes of the strided tensor " + place.info
                    + " is too large; ask for at most 2^30 bytes at once.");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) count * width);
        for (long n = first; n < first + count; n++) {
            bytes.put(file.slice(place.storageAt + place.tensor.position(n) * width, width));
        }
        return bytes.slice((int) (from % width), length).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return file.path() + " (" + places.size() + " tensors)";
    }

    private Place find(String name) {
        Place place = places.get(name);
        if (place == null) {
            throw NearNames.missing(name, names(), file.path());
        }
        return place;
    }
}
