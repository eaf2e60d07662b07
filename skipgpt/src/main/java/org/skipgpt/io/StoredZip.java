package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A zip archive whose entries are stored as they are, so that they can be mapped; compressed entries are refused, and
 * with them every archive that grows when it is unpacked. Nothing is ever unpacked to disk.
 *
 * @param entries where each entry's bytes lie, by its name
 */
record StoredZip(MappedFile file, Map<String, Range> entries) {
    private static final int END = 0x06054b50;
    private static final int END_BYTES = 22;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int LOCATOR64_BYTES = 20;
    private static final int CENTRAL = 0x02014b50;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL = 0x04034b50;
    private static final int LOCAL_BYTES = 30;
    private static final int MAX_COMMENT = 0xffff;
    private static final int MAX_ENTRIES = 1_000_000;
    private static final int MAX_DIRECTORY = 200_000_000;

    /** Some bytes of the file. */
    record Range(long start, long length) {}

    private record Directory(long start, long length, long count) {}

    static StoredZip read(MappedFile file) {
        Directory directory = directory(file);
        if (directory.count < 0 || directory.count > MAX_ENTRIES || directory.length > MAX_DIRECTORY) {
            throw broken(
                    file, "its directory claims " + directory.count + " entries in " + directory.length + " bytes");
        }
        ByteBuffer in = slice(file, directory.start, directory.length);
        Map<String, Range> entries = new LinkedHashMap<>();
        for (long i = 0; i < directory.count; i++) {
            entry(file, in, directory.start, entries);
        }
        return new StoredZip(file, entries);
    }

    /** All bytes of one entry, which must be small enough for one buffer. */
    ByteBuffer bytes(String name, int limit) {
        Range range = entries.get(name);
        if (range == null || range.length > limit) {
            throw broken(
                    file,
                    "entry '" + name + "' "
                            + (range == null
                                    ? "is missing"
                                    : "has " + range.length + " bytes; up to " + limit + " are read"));
        }
        return file.slice(range.start, (int) range.length);
    }

    private static Directory directory(MappedFile file) {
        long end = findEnd(file);
        ByteBuffer record = file.slice(end, END_BYTES);
        long count = Short.toUnsignedLong(record.getShort(10));
        long length = Integer.toUnsignedLong(record.getInt(12));
        long start = Integer.toUnsignedLong(record.getInt(16));
        boolean large =
                end >= LOCATOR64_BYTES && file.slice(end - LOCATOR64_BYTES, 4).getInt() == LOCATOR64;
        if (!large) {
            return new Directory(start, length, count);
        }
        long at = file.slice(end - LOCATOR64_BYTES, LOCATOR64_BYTES).getLong(8);
        ByteBuffer record64 = slice(file, at, 56);
        if (record64.getInt(0) != END64) {
            throw broken(file, "its 64-bit directory is not where it should be");
        }
        return new Directory(record64.getLong(48), record64.getLong(40), record64.getLong(32));
    }

    private static long findEnd(MappedFile file) {
        long last = file.size() - END_BYTES;
        for (long at = last; at >= 0 && at >= last - MAX_COMMENT; at--) {
            ByteBuffer record = file.slice(at, END_BYTES);
            if (record.getInt(0) == END && Short.toUnsignedInt(record.getShort(20)) == last - at) {
                return at;
            }
        }
        throw broken(file, "it has no zip directory at its end; it was cut off or is no zip archive");
    }

    private static void entry(MappedFile file, ByteBuffer in, long directoryStart, Map<String, Range> entries) {
        if (in.remaining() < CENTRAL_BYTES || in.getInt(in.position()) != CENTRAL) {
            throw broken(file, "its directory breaks off after " + entries.size() + " entries");
        }
        ByteBuffer fixed = in.slice(in.position(), CENTRAL_BYTES).order(in.order());
        int nameLength = Short.toUnsignedInt(fixed.getShort(28));
        int extraLength = Short.toUnsignedInt(fixed.getShort(30));
        int whole = CENTRAL_BYTES + nameLength + extraLength + Short.toUnsignedInt(fixed.getShort(32));
        if (in.remaining() < whole) {
            throw broken(file, "its directory breaks off after " + entries.size() + " entries");
        }
        String name = name(file, in.slice(in.position() + CENTRAL_BYTES, nameLength));
        ByteBuffer extra = in.slice(in.position() + CENTRAL_BYTES + nameLength, extraLength)
                .order(in.order());
        in.position(in.position() + whole);
        boolean encrypted = (fixed.getShort(8) & 1) != 0;
        if (encrypted || fixed.getShort(10) != 0) {
            throw broken(
                    file,
                    "entry '" + name + "' is " + (encrypted ? "encrypted" : "compressed")
                            + "; torch.save stores entries as they are");
        }
        long[] sizes = sizes(file, name, fixed, extra);
        if (sizes[0] != sizes[1]) {
            throw broken(file, "entry '" + name + "' is stored, but has two different lengths");
        }
        Range range = range(file, name, nameLength, sizes[2], sizes[0], directoryStart);
        if (entries.put(name, range) != null) {
            throw broken(file, "it has two entries '" + name + "'");
        }
    }

    /** Length, stored length and start of an entry; what does not fit 32 bits stands in the extra field. */
    private static long[] sizes(MappedFile file, String name, ByteBuffer fixed, ByteBuffer extra) {
        long[] sizes = {
            Integer.toUnsignedLong(fixed.getInt(24)),
            Integer.toUnsignedLong(fixed.getInt(20)),
            Integer.toUnsignedLong(fixed.getInt(42))
        };
        while (extra.remaining() >= 4) {
            int id = Short.toUnsignedInt(extra.getShort());
            int length = Short.toUnsignedInt(extra.getShort());
            if (length > extra.remaining()) {
                throw broken(file, "entry '" + name + "' has a malformed extra field");
            }
            ByteBuffer field = extra.slice(extra.position(), length).order(extra.order());
            extra.position(extra.position() + length);
            for (int i = 0; id == 1 && i < sizes.length; i++) {
                if (sizes[i] == 0xffffffffL && field.remaining() >= 8) {
                    sizes[i] = field.getLong();
                }
            }
        }
        return sizes;
    }

    private static Range range(
            MappedFile file, String name, int nameLength, long local, long length, long directoryStart) {
        ByteBuffer header = slice(file, local, LOCAL_BYTES);
        if (header.getInt(0) != LOCAL || Short.toUnsignedInt(header.getShort(26)) != nameLength) {
            throw broken(file, "entry '" + name + "' is not where the directory says");
        }
        long start = local + LOCAL_BYTES + nameLength + Short.toUnsignedInt(header.getShort(28));
        if (length < 0 || start > directoryStart || length > directoryStart - start) {
            throw broken(file, "entry '" + name + "' claims " + length + " bytes that are not in the file");
        }
        return new Range(start, length);
    }

    private static String name(MappedFile file, ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointException(
                    "File " + file.path() + " has an entry whose name is not UTF-8 text. Fetch or save it again.", e);
        }
    }

    private static ByteBuffer slice(MappedFile file, long start, long length) {
        if (start < 0 || length < 0 || length > Integer.MAX_VALUE || start > file.size() - length) {
            throw broken(file, "its directory points outside the file");
        }
        return file.slice(start, (int) length);
    }

    private static CheckpointException broken(MappedFile file, String what) {
        return new CheckpointException(
                "File " + file.path() + " is no usable torch archive: " + what + ". Fetch or save it again.");
    }
}
