package org.skipgpt.tokens;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.skipgpt.data.DataException;
import org.skipgpt.io.FolderLock;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.WholeFile;

/**
 * A corpus as one long row of token ids, cut into windows; larger than memory where it lies in a file.
 *
 * <p>Each text stands between the beginning mark, where the family has one, and the end mark, so that windows need no padding.
 */
public final class PackedTokens {
    private static final int PIECE = 1 << 16;
    private final IntBuffer ids;

    private PackedTokens(IntBuffer ids) {
        this.ids = ids;
    }

    /** Ids already at hand. */
    public static PackedTokens of(int[] ids) {
        return new PackedTokens(IntBuffer.wrap(ids.clone()).asReadOnlyBuffer());
    }

    /**
     * Encodes texts into a file of 32-bit little-endian ids and maps it; a file already there is used if it was made from
     * these texts by this tokenizer, which the description beside it ({@code <file>.json}) tells.
     *
     * @param limit stops after this many tokens; at most 2^31/4
     * @throws DataException if the file that is there was made from anything else, or is damaged
     * @throws org.skipgpt.io.FolderBusyException if another process is making one in the same folder at this moment
     */
    public static PackedTokens encode(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file) {
        try {
            if (Files.exists(file)) {
                check(texts, tokenizer, limit, file);
            } else {
                writeAlone(texts, tokenizer, limit, file);
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
                return new PackedTokens(bytes.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("tokens cannot be kept in " + file + ": " + e.getMessage(), e);
        }
    }

    private static Path description(Path file) {
        return file.resolveSibling(file.getFileName() + ".json");
    }

    private static void check(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file) throws IOException {
        String remedy = ": remove it, or name another folder";
        if (!Files.exists(description(file))) {
            throw new DataException(file + " has no description "
                    + description(file).getFileName() + " beside it, so its texts are not known" + remedy);
        }
        JsonFields known = JsonFields.of(description(file), DataException::new);
        long tokens = known.count("tokens", 0, Long.MAX_VALUE >> 3);
        long count = known.count("texts", 0, Long.MAX_VALUE >> 1);
        MessageDigest digest = Sha256.digest();
        long read = 0;
        for (; read < count && texts.hasNext(); read++) {
            add(digest, texts.next());
        }
        boolean whole = known.count("limit", 0, Long.MAX_VALUE >> 1) == limit && (tokens == limit || !texts.hasNext());
        boolean same = whole
                && read == count
                && hex(digest).equals(known.text("sha256"))
                && identity(tokenizer).equals(known.text("tokenizer"));
        String sum = known.text("sum");
        known.refuseOthers();
        if (!same) {
            throw new DataException(
                    file + " was made from other texts, by another tokenizer or up to another limit, as "
                            + description(file).getFileName() + " says" + remedy);
        }
        if (Files.size(file) != 4 * tokens) {
            throw new DataException(file + " has " + Files.size(file) + " bytes for the " + tokens + " tokens of 4 in "
                    + description(file).getFileName() + remedy);
        }
        if (!sum(file).equals(sum)) {
            throw new DataException(file + " is not what was written: its sum is another than the one in "
                    + description(file).getFileName() + remedy);
        }
    }

    private static String sum(Path file) throws IOException {
        CRC32C sum = new CRC32C();
        ByteBuffer piece = ByteBuffer.allocateDirect(4 * PIECE);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(piece.clear()) >= 0) {
                sum.update(piece.flip());
            }
        }
        return Long.toHexString(sum.getValue());
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    // Length first, so that two texts are not taken for one.
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
        digest.update(bytes);
    }

    private static String identity(Tokenizer tokenizer) {
        MessageDigest digest = Sha256.digest();
        for (int id = 0; id < tokenizer.vocabSize(); id++) {
            add(digest, tokenizer.piece(id));
        }
        add(digest, tokenizer.bos() + " " + tokenizer.eos() + " " + tokenizer.addsBos());
        return hex(digest);
    }

    // Tokens and their description are two files: of two writers one's tokens could come to lie beside the other's
    // description.
    private static void writeAlone(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file)
            throws IOException {
        Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file has a folder");
        try (FolderLock lock = FolderLock.of(folder, "encoding of tokens")) {
            if (Files.exists(file)) {
                check(texts, tokenizer, limit, file);
            } else {
                write(texts, tokenizer, limit, file);
            }
        }
    }

    private static void write(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file) throws IOException {
        Path part = WholeFile.temporary(file);
        ByteBuffer out = ByteBuffer.allocate(4 * PIECE).order(ByteOrder.LITTLE_ENDIAN);
        MessageDigest digest = Sha256.digest();
        long written = 0;
        long count = 0;
        try {
            try (FileChannel channel =
                    FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                for (; written < limit && texts.hasNext(); count++) {
                    if (Thread.currentThread().isInterrupted()) {
                        throw new IOException("interrupted while encoding; run again to start over");
                    }
                    String text = texts.next();
                    add(digest, text);
                    int[] ids = tokenizer.encodeWithBos(text);
                    for (int i = 0; i <= ids.length && written < limit; i++, written++) {
                        if (!out.hasRemaining()) {
                            flush(out, channel);
                        }
                        out.putInt(i < ids.length ? ids[i] : tokenizer.eos().orElse(0));
                    }
                }
                flush(out, channel);
            }
            JsonObject made = new JsonObject();
            made.addProperty("tokens", written);
            made.addProperty("limit", limit);
            made.addProperty("texts", count);
            made.addProperty("sha256", hex(digest));
            made.addProperty("tokenizer", identity(tokenizer));
            made.addProperty("sum", sum(part));
            // The description first: tokens without one are refused, a description without tokens is written over.
            WholeFile.write(description(file), Json.pretty(made));
            WholeFile.move(part, file);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void flush(ByteBuffer out, FileChannel channel) throws IOException {
        out.flip();
        while (out.hasRemaining()) {
            channel.write(out);
        }
        out.clear();
    }

    /** How many tokens there are. */
    public long size() {
        return ids.limit();
    }

    /** Tokens from..to-1 as a corpus of their own. */
    public PackedTokens part(long from, long to) {
        return new PackedTokens(ids.slice((int) from, (int) (to - from)));
    }

    /** How many windows of a length there are. */
    public long windows(int length) {
        return size() / length;
    }

    /** Window number i of a length: ids i*length .. (i+1)*length-1. */
    public int[] window(long i, int length) {
        int[] out = new int[length];
        ids.get((int) (i * length), out);
        return out;
    }

    /**
     * The windows of one batch, in file order and round again: what a curriculum needs.
     *
     * @param batch number of the batch, 0 first
     */
    public int[][] inOrder(long batch, int size, int length) {
        int[][] out = new int[size][];
        for (int i = 0; i < size; i++) {
            out[i] = window((batch * size + i) % windows(length), length);
        }
        return out;
    }

    /** The windows of one batch drawn at random; the same seed and number give the same batch. */
    public int[][] random(long seed, long batch, int size, int length) {
        if (windows(length) == 0) {
            throw new IllegalArgumentException("the corpus has " + size() + " tokens, fewer than one window of "
                    + length + "; give more text or a shorter length");
        }
        SplittableRandom draw = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + batch);
        int[][] out = new int[size][];
        for (int i = 0; i < size; i++) {
            int from = (int) draw.nextLong(size() - length + 1);
            out[i] = new int[length];
            ids.get(from, out[i]);
        }
        return out;
    }
}
