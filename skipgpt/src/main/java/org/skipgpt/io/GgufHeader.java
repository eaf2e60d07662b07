package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What stands before the weights of a GGUF file, versions 2 and 3: named values, then the tensors' shapes and places.
 *
 * <p>Budget: at most 65,536 values, 1,048,576 tensors, 4,194,304 entries of lists and 256 MiB in all, and tensors of 2^28
 * columns; a file that asks for more is refused before anything of that size is made.
 *
 * @param values by name: Long, Double, Boolean, String or List of these
 * @param tensors by name in file order; sizes outermost first
 */
record GgufHeader(Map<String, Object> values, Map<String, Place> tensors) {
    /** Where a tensor lies. */
    record Place(GgufType type, long[] shape, long at, long bytes) {}

    private static final int MAGIC = 0x46554747; // GGUF
    private static final long MOST_VALUES = 1 << 16;
    private static final long MOST_TENSORS = 1 << 20;
    private static final long MOST_ENTRIES = 1 << 22; // of all lists: an entry of a byte takes up to 28 of memory
    private static final long MOST_COLUMNS = 1 << 28;
    private static final long MOST_BYTES = 256L << 20;

    static GgufHeader read(MappedFile file) {
        return new Reader(file).read();
    }

    /** Reads forward through the file, and says where it stands when something is wrong. */
    private static final class Reader {
        private final MappedFile file;
        private final Path path;
        private final ByteBuffer in;
        private long entries;

        Reader(MappedFile file) {
            this.file = file;
            this.path = file.path();
            this.in = file.slice(0, (int) Math.min(file.size(), MOST_BYTES));
        }

        GgufHeader read() {
            if (in.remaining() < 24 || in.getInt() != MAGIC) {
                throw wrong("does not begin with \"GGUF\" and 24 bytes of counts; it is no GGUF file");
            }
            int version = in.getInt();
            if (version != 2 && version != 3) {
                throw wrong("has version " + version + "; 2 and 3 are read (little-endian). Convert it again");
            }
            long tensors = count("tensors", MOST_TENSORS);
            long entries = count("values", MOST_VALUES);
            Map<String, Object> values = new LinkedHashMap<>();
            for (long i = 0; i < entries; i++) {
                String name = string("the name of value " + i);
                if (values.put(name, value(name, int32(name), 0)) != null) {
                    throw wrong("names the value " + name + " twice");
                }
            }
            return new GgufHeader(
                    Collections.unmodifiableMap(values), Collections.unmodifiableMap(places(tensors, values)));
        }

        private Map<String, Place> places(long tensors, Map<String, Object> values) {
            Map<String, Place> places = new LinkedHashMap<>();
            for (long i = 0; i < tensors; i++) {
                String name = string("the name of tensor " + i);
                int dimensions = int32(name);
                if (dimensions < 1 || dimensions > 4) {
                    throw wrong("gives tensor " + name + " " + dimensions + " dimensions; expected 1 to 4");
                }
                long[] shape = new long[dimensions];
                for (int d = dimensions - 1; d >= 0; d--) { // the innermost size comes first
                    shape[d] = int64(name);
                }
                GgufType type = type(name);
                long bytes = byteSize(name, type, shape);
                if (places.put(name, new Place(type, shape, int64(name), bytes)) != null) {
                    throw wrong("names the tensor " + name + " twice");
                }
            }
            return placed(places, alignment(values));
        }

        private GgufType type(String tensor) {
            try {
                return GgufType.of(int32(tensor), tensor);
            } catch (CheckpointException e) {
                throw new CheckpointException("File " + path + " cannot be read. " + e.getMessage(), e);
            }
        }

        // Places count from the first aligned byte behind the header.
        private Map<String, Place> placed(Map<String, Place> relative, long alignment) {
            long begin = (in.position() + alignment - 1) / alignment * alignment;
            Map<String, Place> places = new LinkedHashMap<>();
            relative.forEach((name, p) -> {
                if (p.at < 0 || p.at % alignment != 0 || p.at > file.size() - begin - p.bytes) {
                    throw wrong("puts tensor " + name + " (" + p.bytes + " bytes) at " + p.at + " behind " + begin
                            + ", which is not aligned to " + alignment + " or not inside its " + file.size()
                            + " bytes");
                }
                places.put(name, new Place(p.type, p.shape, begin + p.at, p.bytes));
            });
            return places;
        }

        private long alignment(Map<String, Object> values) {
            Object stated = values.getOrDefault("general.alignment", 32L);
            if (stated instanceof Long n && n >= 8 && n <= 1 << 20 && Long.bitCount(n) == 1) {
                return n;
            }
            throw wrong("has general.alignment " + stated + "; expected a power of two from 8 to 1048576");
        }

        private long byteSize(String name, GgufType type, long[] shape) {
            long elements = 1;
            for (long size : shape) {
                if (size < 1 || elements > (1L << 46) / size) {
                    throw wrong("gives tensor " + name + " the sizes " + java.util.Arrays.toString(shape)
                            + "; expected 1 or more each and at most 2^46 elements");
                }
                elements *= size;
            }
            if (shape[shape.length - 1] > MOST_COLUMNS) {
                throw wrong("gives tensor " + name + " rows of " + shape[shape.length - 1] + " elements; up to "
                        + MOST_COLUMNS + " are read");
            }
            if (shape[shape.length - 1] % type.blockElements() != 0) {
                throw wrong("gives tensor " + name + " rows of " + shape[shape.length - 1] + " elements in blocks of "
                        + type.blockElements() + " (" + type + ")");
            }
            return elements / type.blockElements() * type.blockBytes();
        }

        private Object value(String name, int kind, int depth) {
            switch (kind) {
                case 0:
                    return (long) (need(1, name).get() & 0xFF);
                case 1:
                    return (long) need(1, name).get();
                case 2:
                    return (long) (need(2, name).getShort() & 0xFFFF);
                case 3:
                    return (long) need(2, name).getShort();
                case 4:
                    return need(4, name).getInt() & 0xFFFFFFFFL;
                case 5:
                    return (long) need(4, name).getInt();
                case 6:
                    // The shortest decimal of the float is what its writer meant: 1e-5, not 9.99999974e-6.
                    return Double.valueOf(Float.toString(need(4, name).getFloat()));
                case 7:
                    return truth(name);
                case 8:
                    return string(name);
                case 9:
                    return list(name, depth);
                case 10, 11:
                    return need(8, name).getLong();
                case 12:
                    return need(8, name).getDouble();
                default:
                    throw wrong("gives the value " + name + " the kind " + kind + "; expected 0 to 12");
            }
        }

        private Boolean truth(String name) {
            byte b = need(1, name).get();
            if (b != 0 && b != 1) {
                throw wrong("gives the truth value " + name + " the byte " + b + "; expected 0 or 1");
            }
            return b == 1;
        }

        private List<Object> list(String name, int depth) {
            int kind = int32(name);
            long length = int64(name);
            if (depth > 0 || length < 0 || length > MOST_ENTRIES - entries || length > in.remaining()) {
                throw wrong("gives " + name + " a list of " + length + " entries inside " + depth
                        + " lists; expected at most " + MOST_ENTRIES + " in all lists, within the file, in none");
            }
            entries += length;
            List<Object> list = new ArrayList<>();
            for (long i = 0; i < length; i++) {
                list.add(value(name, kind, depth + 1));
            }
            return Collections.unmodifiableList(list);
        }

        private String string(String what) {
            long length = int64(what);
            if (length < 0 || length > in.remaining()) {
                throw wrong("gives " + what + " " + length + " bytes where " + in.remaining() + " are left");
            }
            byte[] bytes = new byte[(int) length];
            in.get(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }

        private long count(String what, long most) {
            long n = int64(what);
            if (n < 0 || n > most) {
                throw wrong("has " + n + " " + what + "; expected 0 to " + most);
            }
            return n;
        }

        private int int32(String what) {
            return need(4, what).getInt();
        }

        private long int64(String what) {
            return need(8, what).getLong();
        }

        private ByteBuffer need(int bytes, String what) {
            if (in.remaining() < bytes) {
                throw wrong("ends within " + what);
            }
            return in;
        }

        private CheckpointException wrong(String what) {
            return new CheckpointException("File " + path + " " + what + ". At byte " + in.position()
                    + " of its header; fetch or convert the file again.");
        }
    }
}
