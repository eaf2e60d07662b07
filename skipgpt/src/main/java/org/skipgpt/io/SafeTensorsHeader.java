package org.skipgpt.io;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.CharArrayReader;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The checked header of a safetensors file.
 *
 * @param dataStart where the tensors' bytes begin in the file
 * @param metadata free text entries
 * @param entries the tensors by name, in file order
 */
record SafeTensorsHeader(long dataStart, Map<String, String> metadata, Map<String, Entry> entries) {
    private static final int LENGTH_BYTES = 8;
    private static final int MAX_DIMENSIONS = 64;
    private static final int MOST_TENSORS = 1_000_000;
    private static final int MOST_METADATA = 100_000;

    /** One tensor: bytes begin..end-1 behind the header. */
    record Entry(TensorInfo info, long begin, long end) {}

    static SafeTensorsHeader read(MappedFile file) {
        Path path = file.path();
        if (file.size() < LENGTH_BYTES) {
            throw broken(path, "it has " + file.size() + " bytes, and the header length alone takes 8");
        }
        long length = file.slice(0, LENGTH_BYTES).getLong();
        if (length < 2 || length > SafeTensors.MAX_HEADER_BYTES) {
            throw broken(
                    path,
                    "its header claims " + Long.toUnsignedString(length) + " bytes; allowed are 2.."
                            + SafeTensors.MAX_HEADER_BYTES);
        }
        if (length > file.size() - LENGTH_BYTES) {
            throw broken(
                    path, "its header claims " + length + " bytes, but the file ends after " + file.size() + " bytes");
        }
        CharBuffer text = decode(path, file.slice(LENGTH_BYTES, (int) length));
        long dataStart = LENGTH_BYTES + length;
        Parsed parsed = parse(path, text);
        return new SafeTensorsHeader(
                dataStart, Map.copyOf(parsed.metadata), inFileOrder(path, parsed.entries, file.size() - dataStart));
    }

    private static CharBuffer decode(Path path, ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes);
        } catch (CharacterCodingException e) {
            throw broken(path, "its header is not UTF-8 text", e);
        }
    }

    private static final class Parsed {
        final Map<String, String> metadata = new LinkedHashMap<>();
        final Map<String, Entry> entries = new LinkedHashMap<>();
    }

    private static Parsed parse(Path path, CharBuffer text) {
        if (!text.hasRemaining() || text.get(0) != '{') {
            throw broken(path, "its header does not begin with '{'");
        }
        JsonReader json = new JsonReader(new CharArrayReader(text.array(), text.arrayOffset(), text.remaining()));
        json.setStrictness(Strictness.STRICT);
        Parsed parsed = new Parsed();
        boolean metadataSeen = false;
        try (json) {
            json.beginObject();
            while (json.hasNext()) {
                String name = json.nextName();
                if (!name.equals("__metadata__")) {
                    Entry entry = entry(path, name, json);
                    if (parsed.entries.put(name, entry) != null) {
                        throw broken(path, "its header names tensor '" + name + "' twice");
                    }
                    if (parsed.entries.size() > MOST_TENSORS) {
                        throw broken(path, "its header names more than " + MOST_TENSORS + " tensors");
                    }
                } else if (metadataSeen) {
                    throw broken(path, "its header has two __metadata__ entries");
                } else {
                    metadataSeen = true;
                    metadata(path, json, parsed.metadata);
                }
            }
            json.endObject();
            if (json.peek() != JsonToken.END_DOCUMENT) {
                throw broken(path, "its header goes on after its last '}'");
            }
        } catch (MalformedJsonException | EOFException | IllegalStateException | NumberFormatException e) {
            throw broken(path, "its header is not the expected JSON at " + json.getPath(), e);
        } catch (IOException e) {
            throw MappedFile.failure(path, e);
        }
        return parsed;
    }

    private static void metadata(Path path, JsonReader json, Map<String, String> metadata) throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            String key = json.nextName();
            if (json.peek() != JsonToken.STRING) {
                throw broken(path, "its metadata entry '" + key + "' is not text");
            }
            if (metadata.put(key, json.nextString()) != null) {
                throw broken(path, "its metadata names '" + key + "' twice");
            }
            if (metadata.size() > MOST_METADATA) {
                throw broken(path, "its metadata has more than " + MOST_METADATA + " entries");
            }
        }
        json.endObject();
    }

    private static Entry entry(Path path, String name, JsonReader json) throws IOException {
        @Nullable String format = null;
        long @Nullable [] shape = null;
        long @Nullable [] range = null;
        json.beginObject();
        while (json.hasNext()) {
            String key = json.nextName();
            boolean again = switch (key) {
                case "dtype" -> format != null;
                case "shape" -> shape != null;
                case "data_offsets" -> range != null;
                default -> throw broken(path, "tensor '" + name + "' has the unknown field '" + key + "'");
            };
            if (again) {
                throw broken(path, "tensor '" + name + "' has the field '" + key + "' twice");
            }
            switch (key) {
                case "dtype" -> format = text(path, name, json);
                case "shape" -> shape = numbers(path, name, json);
                default -> range = numbers(path, name, json);
            }
        }
        json.endObject();
        if (format == null || shape == null || range == null || range.length != 2) {
            throw broken(path, "tensor '" + name + "' needs dtype, shape and two data_offsets");
        }
        TensorInfo info;
        try {
            info = new TensorInfo(name, format, shape);
        } catch (CheckpointException e) {
            throw broken(path, String.valueOf(e.getMessage()), e);
        }
        return checked(path, info, range[0], range[1]);
    }

    private static Entry checked(Path path, TensorInfo info, long begin, long end) {
        if (end < begin || end - begin != info.byteSize()) {
            throw broken(
                    path,
                    "tensor " + info + " needs " + info.byteSize() + " bytes, but its data_offsets are [" + begin + ", "
                            + end + "]");
        }
        return new Entry(info, begin, end);
    }

    private static String text(Path path, String tensor, JsonReader json) throws IOException {
        if (json.peek() != JsonToken.STRING) {
            throw broken(path, "the dtype of tensor '" + tensor + "' is not text");
        }
        return json.nextString();
    }

    private static long[] numbers(Path path, String tensor, JsonReader json) throws IOException {
        List<Long> numbers = new ArrayList<>();
        json.beginArray();
        while (json.hasNext()) {
            String digits = json.peek() == JsonToken.NUMBER ? json.nextString() : "no number";
            if (!digits.matches("[0-9]{1,18}")) {
                throw broken(
                        path,
                        "tensor '" + tensor + "' has the size or offset " + digits
                                + "; whole numbers of 0 or more are allowed");
            }
            numbers.add(Long.parseLong(digits));
            if (numbers.size() > MAX_DIMENSIONS) {
                throw broken(path, "tensor '" + tensor + "' has more than " + MAX_DIMENSIONS + " dimensions");
            }
        }
        json.endArray();
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    /** Tensors must follow each other from byte 0 to the file's end: no overlap, no hole, nothing behind. */
    private static Map<String, Entry> inFileOrder(Path path, Map<String, Entry> entries, long dataBytes) {
        List<Entry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        Map<String, Entry> ordered = new LinkedHashMap<>();
        long expected = 0;
        for (Entry entry : sorted) {
            if (entry.begin() != expected) {
                String what = entry.begin() < expected ? "overlaps the one before it" : "leaves a hole before it";
                throw broken(
                        path,
                        "tensor '" + entry.info().name() + "' begins at byte " + entry.begin() + " and " + what
                                + "; expected " + expected);
            }
            expected = entry.end();
            ordered.put(entry.info().name(), entry);
        }
        if (expected != dataBytes) {
            throw broken(
                    path,
                    "its tensors take " + expected + " bytes, but " + dataBytes + " bytes follow the header"
                            + (expected > dataBytes ? "; it was cut off" : ""));
        }
        return ordered;
    }

    private static CheckpointException broken(Path path, String what) {
        return new CheckpointException(message(path, what));
    }

    private static CheckpointException broken(Path path, String what, Exception cause) {
        return new CheckpointException(message(path, what), cause);
    }

    private static String message(Path path, String what) {
        return "File " + path + " is no usable safetensors file: " + what + ". Fetch or write it again.";
    }
}
